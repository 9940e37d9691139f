#include "core/lines.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <utility>

namespace infoplane {
namespace {

void give(std::string_view line, std::int64_t number, const Lines::Take& take) {
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
    take(line, number);
  }
}

}  // namespace

void Lines::push(std::string_view bytes, const Take& take) {
  for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
    const auto line = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (rest_.empty() && line.size() <= most_) {
      give(line, ++number_, take);
      continue;
    }
    grow(line);
    const auto whole = std::exchange(rest_, {});
    give(whole, ++number_, take);
  }
  grow(bytes);
}

void Lines::grow(std::string_view bytes) {
  const auto size = rest_.size() + bytes.size();
  INFOPLANE_CHECK(size <= most_, IoError, path_, ":", number_ + 1, ": the line is longer than ", most_,
                  " bytes, which is the most that is read");
  if (size > rest_.capacity()) {
    rest_.reserve(std::min(most_, std::max(size, 2 * rest_.capacity())));
  }
  rest_.append(bytes);
}

}  // namespace infoplane
