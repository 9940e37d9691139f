#include "callbacks/class_check.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>

#include "callbacks/pickle_check.hpp"

namespace infoplane::callbacks {
namespace {

bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool skip(std::string_view& text, std::string_view what) {
  const bool found = text.starts_with(what);
  text.remove_prefix(found ? what.size() : 0);
  return found;
}

bool skip_name(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), [](char c) { return is_letter(c) || is_digit(c); });
  const auto size = static_cast<std::size_t>(end - text.begin());
  const bool found = size > 0 && is_letter(text.front());
  text.remove_prefix(found ? size : 0);
  return found;
}

/// A text between double quotes.
bool skip_text(std::string_view& text) {
  if (!skip(text, "\"")) {
    return false;
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') {
      text.remove_prefix(at + 1);
      return true;
    }
    at += text[at] == '\\' ? 1 : 0;
  }
  return false;
}

/// Such as `["weight", "bias", ]`.
bool is_list_of_texts(std::string_view text) {
  if (!skip(text, "[")) {
    return false;
  }
  while (skip_text(text)) {
    skip(text, ",");
    skip(text, " ");
  }
  return text == "]";
}

/// Such as `Tensor`, `Tuple[float, float]` and `__torch__.___torch_mangle_0.Module`.
bool is_type(std::string_view text) {
  constexpr std::string_view kModule = ".Module";
  const auto is_between = [](char c) { return c == '[' || c == ']' || c == ',' || c == ' '; };
  bool any = false;
  while (!text.empty()) {
    const auto end = std::find_if(text.begin(), text.end(), is_between);
    const auto word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    auto name = word;
    const bool plain = word.empty() || (skip_name(name) && name.empty());
    const bool of_archive = word.ends_with(kModule) && is_archive_module(word.substr(0, word.size() - kModule.size()));
    if (!plain && !of_archive) {
      return false;
    }
    any = any || !word.empty();
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return any;
}

bool is_declaration(std::string_view line) {
  if (line.empty()) {
    return true;
  }
  if (!skip(line, "  ")) {
    return false;
  }
  if (skip(line, "__parameters__ = ") || skip(line, "__buffers__ = ")) {
    return is_list_of_texts(line);
  }
  if (skip(line, "__annotations__")) {
    return line == " = []" || (skip(line, "[") && skip_text(line) && skip(line, "] = ") && is_type(line));
  }
  return skip_name(line) && skip(line, " : ") && is_type(line);
}

}  // namespace

void check_class(std::string_view source, const std::string& record) {
  for (int number = 1; !source.empty(); ++number) {
    const auto line = source.substr(0, source.find('\n'));
    source.remove_prefix(std::min(source.size(), line.size() + 1));
    INFOPLANE_CHECK(number == 1 ? line == "class Module(Module):" : is_declaration(line), IoError,
                    "it carries code, and a checkpoint is data only: line ", number, " of ", record,
                    " declares no attribute");
  }
}

}  // namespace infoplane::callbacks
