#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane::test {

/// What the tests of the pages want of a Markdown file.
struct Page {
  std::filesystem::path path;
  std::vector<std::string> lines;
  std::vector<std::string> anchors;  ///< of the headings, as code hosts make them
  std::vector<std::string> links;    ///< targets of [text](target), outside of code
  std::vector<std::string> code;     ///< what stands between backticks, outside of fences
};

/// @throws std::runtime_error if the file cannot be read.
Page read_page(const std::filesystem::path& path);

/// All of a file. @throws std::runtime_error if it cannot be read.
std::string read_text(const std::filesystem::path& path);

/// Code points of a text in UTF-8.
std::size_t characters(std::string_view text);

}  // namespace infoplane::test
