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

/// What is wrong with the nesting of tags and the ampersands; empty where nothing is. Knows HTML's void elements and
/// raw texts, for everything else its rules are those of XML.
inline std::string markup_error(std::string_view text) {
  const std::set<std::string, std::less<>> voids = {"meta", "link", "input", "br"};
  std::vector<std::string> open;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '&') {
      const auto end = text.find(';', at);
      if (end == std::string_view::npos || end - at > 8) {
        return "a bare ampersand at " + std::to_string(at);
      }
    }
    if (text[at] == '>') {
      return "a bare > at " + std::to_string(at);
    }
    if (text[at] != '<') {
      continue;
    }
    const auto end = text.find('>', at);
    if (end == std::string_view::npos) {
      return "a tag without end at " + std::to_string(at);
    }
    const auto tag = text.substr(at + 1, end - at - 1);
    at = end;
    if (tag.find('<') != std::string_view::npos) {
      return "a < inside a tag: " + std::string(tag);
    }
    if (tag.empty() || tag[0] == '!' || tag[0] == '?' || tag.back() == '/') {
      continue;
    }
    const std::string name(tag.substr(tag[0] == '/' ? 1 : 0, tag.find_first_of(" \n", 1) - (tag[0] == '/' ? 1 : 0)));
    if (tag[0] == '/') {
      if (open.empty() || open.back() != name) {
        return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
      }
      open.pop_back();
    } else if (!voids.contains(name)) {
      open.push_back(name);
      if (name == "style" || name == "script") {
        at = text.find("</" + name + ">", at) - 1;
      }
    }
  }
  return open.empty() ? "" : open.back() + " is never closed";
}

}  // namespace samples
