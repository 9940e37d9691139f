#include "hooks/glob.hpp"

#include <charconv>

namespace infoplane::hooks::detail {

bool glob_match(std::string_view pattern, std::string_view text) noexcept {
  if (pattern.empty()) {
    return text.empty();
  }
  if (pattern.front() == '*') {
    const bool deep = pattern.starts_with("**");
    const auto rest = pattern.substr(deep ? 2 : 1);
    for (std::size_t taken = 0; taken <= text.size(); ++taken) {
      if (glob_match(rest, text.substr(taken))) {
        return true;
      }
      if (taken < text.size() && text[taken] == '.' && !deep) {
        return false;
      }
    }
    return false;
  }
  if (text.empty()) {
    return false;
  }
  const bool same = pattern.front() == text.front() || (pattern.front() == '?' && text.front() != '.');
  return same && glob_match(pattern.substr(1), text.substr(1));
}

std::string_view parent_path(std::string_view path) noexcept {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

int last_number(std::string_view text) noexcept {
  const auto last = text.find_last_of("0123456789");
  if (last == std::string_view::npos) {
    return -1;
  }
  const auto before = text.find_last_not_of("0123456789", last);
  const auto first = before == std::string_view::npos ? 0 : before + 1;
  int value = -1;
  std::from_chars(text.data() + first, text.data() + last + 1, value);
  return value;
}

}  // namespace infoplane::hooks::detail
