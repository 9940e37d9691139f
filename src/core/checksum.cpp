#include "core/checksum.hpp"

#include <algorithm>
#include <cstring>
#include <infoplane/core/hash.hpp>

namespace infoplane {
namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

std::uint64_t word_at(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, kWord);
  return word;
}

}  // namespace

void Checksum::add(std::string_view bytes) noexcept {
  if (const auto open = length_ % kWord; open > 0) {
    const auto taken = bytes.substr(0, kWord - open);
    std::copy(taken.begin(), taken.end(), rest_.begin() + static_cast<std::ptrdiff_t>(open));
    length_ += taken.size();
    bytes.remove_prefix(taken.size());
    if (length_ % kWord != 0) {
      return;
    }
    state_ = splitmix64(state_ ^ word_at(rest_.data()));
  }
  length_ += bytes.size();
  for (; bytes.size() >= kWord; bytes.remove_prefix(kWord)) {
    state_ = splitmix64(state_ ^ word_at(bytes.data()));
  }
  std::copy(bytes.begin(), bytes.end(), rest_.begin());
}

std::uint64_t Checksum::value() const noexcept {
  std::array<char, kWord> last{};
  std::copy_n(rest_.begin(), length_ % kWord, last.begin());
  return splitmix64(splitmix64(state_ ^ word_at(last.data())) ^ length_);
}

}  // namespace infoplane
