#include <algorithm>
#include <array>
#include <cstdint>

#include "runs/run_json.hpp"

namespace infoplane::runs::run_json {
namespace {

enum Kind : std::uint8_t { kBracket = 1, kQuote = 2 };

/// What ends a stretch of plain text outside of strings (quotes and brackets), and within (quote and backslash).
constexpr auto kKinds = [] {
  std::array<std::uint8_t, 256> kinds{};
  for (const auto c : {'"', '[', ']', '{', '}'}) {
    kinds[static_cast<unsigned char>(c)] |= kBracket;
  }
  for (const auto c : {'"', '\\'}) {
    kinds[static_cast<unsigned char>(c)] |= kQuote;
  }
  return kinds;
}();

template <Kind kind>
const char* first_of(const char* at, const char* end) noexcept {
  while (at != end && (kKinds[static_cast<unsigned char>(*at)] & kind) == 0) {
    ++at;
  }
  return at;
}

/// The quote that closes the string which opens at `at`; the end where none does.
const char* closing_quote(const char* at, const char* end) noexcept {
  for (at = first_of<kQuote>(at + 1, end); at != end && *at == '\\'; at = first_of<kQuote>(at, end)) {
    at += std::min<std::ptrdiff_t>(2, end - at);
  }
  return at;
}

}  // namespace

bool has_field(std::string_view line, std::string_view name) noexcept {
  const auto* const end = line.data() + line.size();
  std::size_t depth = 0;
  for (const char* at = line.data();; ++at) {
    at = first_of<kBracket>(at, end);
    if (at == end) {
      return false;
    }
    if (*at == '"') {
      const auto* const start = at + 1;
      at = closing_quote(at, end);
      if (at == end) {
        return false;
      }
      const auto* const behind = std::find_if(at + 1, end, [](char c) { return c != ' ' && c != '\t' && c != '\r'; });
      if (depth == 1 && std::string_view(start, static_cast<std::size_t>(at - start)) == name && behind != end &&
          *behind == ':') {
        return true;
      }
    } else if (*at == '[' || *at == '{') {
      ++depth;
    } else if (depth-- <= 1) {
      return false;
    }
  }
}

std::string without_layers(std::string_view line) {
  constexpr std::string_view kKey = "\"layers\"";
  const auto* const end = line.data() + line.size();
  const char* array = nullptr;  // where "layers" opens
  std::size_t depth = 0;
  for (const char* at = line.data();; ++at) {
    at = first_of<kBracket>(at, end);
    if (at == end) {
      return std::string(line);
    }
    if (*at == '"') {
      const auto start = static_cast<std::size_t>(at - line.data());
      at = closing_quote(at, end);
      if (at == end) {
        return std::string(line);
      }
      if (depth == 1 && line.substr(start, kKey.size()) == kKey) {
        const auto value = line.find_first_not_of(" \t:", start + kKey.size());
        array = value != std::string_view::npos && line[value] == '[' ? line.data() + value : array;
      }
    } else if (*at == '[' || *at == '{') {
      ++depth;
    } else if (depth == 0) {
      return std::string(line);
    } else if (--depth == 1 && array != nullptr && *at == ']') {
      return std::string(line.data(), array) + "[" + std::string(at, end);
    }
  }
}

}  // namespace infoplane::runs::run_json
