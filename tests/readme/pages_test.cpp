// What the pages say about files, keys, messages and one another, held against the source.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <filesystem>
#include <infoplane/plane/coordinates.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "readme/markdown.hpp"

namespace fs = std::filesystem;
using infoplane::test::Page;
using infoplane::test::read_page;
using infoplane::test::read_text;

namespace {

const fs::path kSource = SOURCE_FOLDER;

std::vector<Page> all_pages() {
  std::vector<Page> pages;
  for (const auto* folder : {".", "docs", "docs/studies", ".github", ".github/ISSUE_TEMPLATE"}) {
    for (const auto& entry : fs::directory_iterator(kSource / folder)) {
      if (entry.path().extension() == ".md") {
        pages.push_back(read_page(entry.path().lexically_normal()));
      }
    }
  }
  return pages;
}

/// All sources of a folder as one text, in which string literals that lie side by side are one.
std::string sources_of(std::initializer_list<const char*> folders) {
  std::string text;
  for (const auto* folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(kSource / folder)) {
      const auto ending = entry.path().extension();
      if (ending == ".cpp" || ending == ".hpp" || ending == ".cmake" || ending == ".in") {
        text += read_text(entry.path());
      }
    }
  }
  text = std::regex_replace(text, std::regex("\"[ \n]*\n[ ]*\""), "");
  return std::regex_replace(text, std::regex("\\\\\""), "\"");
}

}  // namespace

TEST_CASE("the README is short and its lines fit a screen", "[pages]") {
  const auto page = read_page(kSource / "README.md");
  REQUIRE(page.lines.size() <= 160);
  for (const auto& line : page.lines) {
    INFO(line);
    REQUIRE(infoplane::test::characters(line) <= 100);
  }
  REQUIRE(std::count_if(page.links.begin(), page.links.end(), [](const std::string& link) {
            return link.starts_with("docs/") && link.ends_with(".md");
          }) == 6);
}

TEST_CASE("each link of a page leads to a file, and its anchor to a heading", "[pages]") {
  const auto pages = all_pages();
  REQUIRE(pages.size() > 20);
  for (const auto& page : pages) {
    for (const auto& link : page.links) {
      if (link.starts_with("https://")) {
        continue;
      }
      INFO(page.path.string() << ": " << link);
      const auto hash = link.find('#');
      const auto file = hash == 0 ? page.path : (page.path.parent_path() / link.substr(0, hash)).lexically_normal();
      REQUIRE(fs::exists(file));
      if (hash != std::string::npos) {
        const auto anchors = read_page(file).anchors;
        REQUIRE(std::find(anchors.begin(), anchors.end(), link.substr(hash + 1)) != anchors.end());
      }
    }
  }
}

TEST_CASE("the list of pages has all of them", "[pages]") {
  const auto list = read_page(kSource / "docs/README.md").links;
  for (const auto& page : all_pages()) {
    const auto name = page.path.lexically_relative(kSource / "docs").string();
    if (!name.starts_with("..") && name != "README.md") {
      INFO(name);
      REQUIRE(std::find(list.begin(), list.end(), name) != list.end());
    }
  }
}

TEST_CASE("the page of trainers names each trainer of the zoo, and none that is not there", "[pages]") {
  const auto zoo = kSource / "tests/hooks/zoo";
  std::set<std::string> named;
  for (const auto& code : read_page(kSource / "docs/trainers.md").code) {
    if (code.ends_with(".cpp")) {
      INFO(code);
      REQUIRE(fs::exists(zoo / code));
      named.insert(code);
    }
  }
  for (const auto& entry : fs::directory_iterator(zoo)) {
    const auto file = entry.path().filename().string();
    if (file != "zoo.cpp" && file != "zoo.hpp") {
      INFO(file);
      REQUIRE(named.contains(file));
    }
  }
}

TEST_CASE("the page of metrics has every key that a layer and a mean can have", "[pages]") {
  infoplane::estimator::Estimate estimate;
  estimate.tokens = 10;
  estimate.anchors = 8;
  for (const auto* name : {"input_unigram", "output_unigram", "preference"}) {
    infoplane::estimator::InformationEstimate set;
    set.name = name;
    set.tokens = 10;
    estimate.sets.push_back(set);
  }
  const auto layer = infoplane::plane::layer_point("blocks.0", estimate);
  const auto mean = infoplane::plane::mean_over_blocks({layer});
  REQUIRE(mean.size() > layer.metrics.size());
  const auto codes = read_page(kSource / "docs/metrics.md").code;
  for (const auto& [key, value] : mean) {
    auto form = std::regex_replace(key, std::regex("/(null|corrected|standard_error)$"), "");
    const auto behind = key.substr(form.size());
    form = std::regex_replace(form, std::regex("(I\\(.;Z\\)/(in|out)put_)unigram"), "$1<order>");
    form = std::regex_replace(form, std::regex("/((in|out)put_unigram|preference)"), "/<set>");
    form = std::regex_replace(form, std::regex("/unigram"), "/<order>");
    form = std::regex_replace(form, std::regex("context\\|unigram"), "context\\|<highest order>");  // as a table has it
    INFO(key << " as " << form);
    REQUIRE(std::find(codes.begin(), codes.end(), form) != codes.end());
    REQUIRE((behind.empty() || std::find(codes.begin(), codes.end(), "K" + behind) != codes.end()));
  }
}

TEST_CASE("each file of this repository that a page names exists", "[pages]") {
  const std::regex path("(src|tests|include|docs|benchmarks|examples|cmake)/[A-Za-z0-9_./-]+");
  std::size_t named = 0;
  for (const auto& page : all_pages()) {
    for (const auto& code : page.code) {
      if (std::regex_match(code, path)) {
        INFO(page.path.string() << ": " << code);
        REQUIRE(fs::exists(kSource / code));
        ++named;
      }
    }
  }
  REQUIRE(named > 10);
}

TEST_CASE("each message of the page of troubleshooting is one of the source", "[pages]") {
  const auto sources = sources_of({"src", "include", "cmake"});
  std::size_t messages = 0;
  for (const auto& line : read_page(kSource / "docs/troubleshooting.md").lines) {
    const std::regex quoted("\\*\\*`([^`]+)`\\*\\*");
    for (std::sregex_iterator match(line.begin(), line.end(), quoted), end; match != end; ++match) {
      auto rest = (*match)[1].str();
      while (!rest.empty()) {  // "…" stands for a value
        const auto at = std::min(rest.find("…"), rest.size());
        const auto part = rest.substr(0, at);
        INFO(line << ": \"" << part << '"');
        REQUIRE(sources.find(part) != std::string::npos);
        rest.erase(0, at + std::string_view("…").size());
      }
      ++messages;
    }
  }
  REQUIRE(messages > 40);
}
