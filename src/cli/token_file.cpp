#include "cli/token_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/core/number.hpp>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/text.hpp"
#include "core/whole_file.hpp"

namespace infoplane::cli {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

/// Of what has no size, such as a pipe or a device that never ends.
constexpr std::size_t kMostStreamed = std::size_t{1} << 30U;

std::string read(const std::string& path) {
  std::string bytes;
  std::error_code none;
  const auto most = std::filesystem::is_regular_file(path, none) ? std::string::npos : kMostStreamed;
  const int error = read_whole_file(path, bytes, most);
  INFOPLANE_CHECK(error != EFBIG || most != kMostStreamed, IoError, "the tokens ", path, " go on after ", kMostStreamed,
                  " bytes: write them to a file and give that");
  INFOPLANE_CHECK(error == 0, IoError, "cannot read the tokens ", path, ": ", std::generic_category().message(error));
  return bytes;
}

/// Where the tokens of a uint16 file start: behind llm.c's header where there is one.
std::size_t llmc_header(const std::string& path, const std::string& bytes) {
  constexpr std::size_t kSize = 256 * sizeof(std::int32_t);
  constexpr std::int32_t kMagic = 20240520, kWideMagic = 20240801;
  std::int32_t magic = 0;
  if (bytes.size() < kSize) {
    return 0;
  }
  std::memcpy(&magic, bytes.data(), sizeof magic);
  INFOPLANE_CHECK(magic != kWideMagic, IoError, path, ": offset 0: llm.c's magic ", magic,
                  " says that the tokens are of 32 bits: cut off the first ", kSize, " bytes and give --tokens int32");
  return magic == kMagic ? kSize : 0;
}

template <typename Token>
std::vector<Token> binary(const std::string& path, const std::string& bytes, std::size_t offset) {
  const auto left = (bytes.size() - offset) % sizeof(Token);
  INFOPLANE_CHECK(left == 0, IoError, path, ": offset ", bytes.size() - left, ": the last ", left,
                  left == 1 ? " byte is" : " bytes are", " no whole token of ", sizeof(Token), " bytes");
  std::vector<Token> tokens((bytes.size() - offset) / sizeof(Token));
  if (!tokens.empty()) {
    std::memcpy(tokens.data(), bytes.data() + offset, tokens.size() * sizeof(Token));
  }
  return tokens;
}

std::vector<std::int64_t> numbers(const std::string& path, std::string_view text) {
  std::vector<std::int64_t> tokens;
  std::int64_t line = 1;
  while (!text.empty()) {
    if (kSpace.find(text.front()) != std::string_view::npos) {
      line += text.front() == '\n' ? 1 : 0;
      text.remove_prefix(1);
      continue;
    }
    const auto word = text.substr(0, text.find_first_of(kSpace));
    const auto fault = parse_number(word, tokens.emplace_back());
    INFOPLANE_CHECK(fault == NumberFault::kNone, IoError, path, ":", line, ": \"", text::shortened(word, 41),
                    fault == NumberFault::kOutOfRange ? "\" does not fit into 64 bits" : "\" is no whole number");
    text.remove_prefix(word.size());
  }
  return tokens;
}

template <typename Token>
std::int64_t add(bound::NgramJointBuilder& pairs, const std::vector<Token>& tokens) {
  pairs.add(std::span<const Token>(tokens));
  return static_cast<std::int64_t>(tokens.size());
}

}  // namespace

std::int64_t add_token_file(bound::NgramJointBuilder& pairs, const std::string& path, TokenKind kind) {
  const auto bytes = read(path);
  switch (kind) {
    case TokenKind::kUint16: {
      const auto narrow = binary<std::uint16_t>(path, bytes, llmc_header(path, bytes));
      return add(pairs, std::vector<std::int32_t>(narrow.begin(), narrow.end()));
    }
    case TokenKind::kInt32:
      return add(pairs, binary<std::int32_t>(path, bytes, 0));
    case TokenKind::kInt64:
      return add(pairs, binary<std::int64_t>(path, bytes, 0));
    case TokenKind::kText:
      return add(pairs, numbers(path, bytes));
    case TokenKind::kBytes:
      break;
  }
  return add(pairs, std::vector<unsigned char>(bytes.begin(), bytes.end()));
}

}  // namespace infoplane::cli
