#pragma once

#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace samples {

inline std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) {
    ++found;
  }
  return found;
}

/// Goes through a text of markup, tag by tag.
class MarkupCheck {
 public:
  explicit MarkupCheck(std::string_view text) : text_(text) {}

  std::string error() {
    for (; at_ < text_.size(); ++at_) {
      auto wrong = text_[at_] == '<' ? in_tag() : in_text();
      if (!wrong.empty()) {
        return wrong;
      }
    }
    return open_.empty() ? "" : open_.back() + " is never closed";
  }

 private:
  std::string in_text() const {
    if (text_[at_] == '>') {
      return "a bare > at " + std::to_string(at_);
    }
    const auto end = text_.find(';', at_);
    const bool bare = text_[at_] == '&' && (end == std::string_view::npos || end - at_ > 8);
    return bare ? "a bare ampersand at " + std::to_string(at_) : "";
  }

  /// Leaves at_ at the end of the tag.
  std::string in_tag() {
    const auto end = text_.find('>', at_);
    if (end == std::string_view::npos) {
      return "a tag without end at " + std::to_string(at_);
    }
    const auto tag = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end;
    if (tag.find('<') != std::string_view::npos) {
      return "a < inside a tag: " + std::string(tag);
    }
    if (tag.empty() || tag[0] == '!' || tag[0] == '?' || tag.back() == '/') {
      return "";
    }
    const std::size_t start = tag[0] == '/' ? 1 : 0;
    const std::string name(tag.substr(start, tag.find_first_of(" \n", 1) - start));
    return start == 1 ? close(name) : open(name);
  }

  std::string close(const std::string& name) {
    if (open_.empty() || open_.back() != name) {
      return "</" + name + "> closes " + (open_.empty() ? "nothing" : open_.back());
    }
    open_.pop_back();
    return "";
  }

  /// Passes over the content of raw texts.
  std::string open(const std::string& name) {
    static const std::set<std::string, std::less<>> voids = {"meta", "link", "input", "br"};
    if (!voids.contains(name)) {
      open_.push_back(name);
      if (name == "style" || name == "script") {
        at_ = text_.find("</" + name + ">", at_) - 1;
      }
    }
    return "";
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
};

/// What is wrong with the nesting of tags and the ampersands; empty where nothing is. Knows HTML's void elements and
/// raw texts, for everything else its rules are those of XML.
inline std::string markup_error(std::string_view text) { return MarkupCheck(text).error(); }

}  // namespace samples
