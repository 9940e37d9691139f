#include "readme/markdown.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace infoplane::test {
namespace {

/// Lower case, letters, digits, "-" and "_" kept, blanks as "-". A byte above 127 is part of a letter, but for those of
/// the punctuation that pages use.
std::string anchor_of(std::string heading) {
  for (const std::string_view sign : {"–", "—", "…", "→", "≤", "ε"}) {
    for (auto at = heading.find(sign); at != std::string::npos; at = heading.find(sign)) {
      heading.erase(at, sign.size());
    }
  }
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 127 || std::isalnum(byte) != 0 || c == '-' || c == '_') {
      anchor += static_cast<char>(byte > 127 ? c : std::tolower(byte));
    } else if (c == ' ') {
      anchor += '-';
    }
  }
  return anchor;
}

/// Moves what stands between backticks to `code`, and returns the rest.
std::string without_code(std::string_view line, std::vector<std::string>& code) {
  std::string rest;
  for (auto at = line.find('`'); at != std::string_view::npos; at = line.find('`')) {
    rest += line.substr(0, at);
    const auto end = line.find('`', at + 1);
    if (end == std::string_view::npos) {
      line.remove_prefix(at);
      break;
    }
    code.emplace_back(line.substr(at + 1, end - at - 1));
    line.remove_prefix(end + 1);
  }
  return rest + std::string(line);
}

void add_links(const std::string& line, std::vector<std::string>& links) {
  for (auto at = line.find("]("); at != std::string::npos; at = line.find("](", at + 1)) {
    const auto end = line.find(')', at);
    if (end != std::string::npos) {
      links.push_back(line.substr(at + 2, end - at - 2));
    }
  }
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw std::runtime_error("cannot read " + path.string());
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

Page read_page(const std::filesystem::path& path) {
  Page page;
  page.path = path;
  const auto text = read_text(path);
  bool fenced = false;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto& line = page.lines.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
    if (line.starts_with("```")) {
      fenced = !fenced;
    } else if (!fenced) {
      if (line.starts_with('#')) {
        const auto first = line.find_first_not_of('#');
        page.anchors.push_back(anchor_of(line.substr(std::min(first + 1, line.size()))));
      }
      add_links(without_code(line, page.code), page.links);
    }
  }
  return page;
}

}  // namespace infoplane::test
