#include "hooks/glob.hpp"

#include <charconv>
#include <system_error>

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

bool name_match(std::string_view pattern, std::string_view name) noexcept {
  std::size_t at = 0;
  std::size_t in_name = 0;
  std::size_t star = std::string_view::npos;  // the last one, and where the text after it begins
  std::size_t behind = 0;
  while (in_name < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      behind = in_name;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == name[in_name])) {
      ++at;
      ++in_name;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in_name = ++behind;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

std::string_view parent_path(std::string_view path) noexcept {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

int number_of(std::string_view path) noexcept {
  const auto last = path.substr(path.rfind('.') + 1);
  int value = -1;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), value);
  const bool is_number = error == std::errc() && end == last.data() + last.size() && last.front() != '-';
  return is_number ? value : -1;
}

}  // namespace infoplane::hooks::detail
