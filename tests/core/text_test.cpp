#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "core/text.hpp"

namespace text = infoplane::text;
using text::Keep;

namespace {

constexpr const char* kOne = "\xEF\xBF\xBD";  // U+FFFD

struct Case {
  std::string given, expected;
};

}  // namespace

TEST_CASE("ordinary text of any script is printed as it is", "[core]") {
  for (const std::string name :
       {"", "blocks.0", "слой.0", "層.0", "ταυ", "😀", "é", "I(X;Z)/input_unigram", "C:\\new"}) {
    CAPTURE(name);
    REQUIRE(text::printable(name) == name);
    REQUIRE(text::valid_utf8(name) == name);
  }
}

TEST_CASE("what a terminal would obey is printed as an escape", "[core]") {
  const std::vector<Case> cases = {
      {"a\nrun.jsonl: nothing is wrong", "a\\nrun.jsonl: nothing is wrong"},
      {"a\rb\tc", "a\\rb\\tc"},
      {"\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"},
      {std::string("a\0b", 3), "a\\x00b"},
      {"\x7f", "\\x7f"},
      {"\xC2\x9B"
       "31m",
       "\\u009b31m"},  // CSI as one code point
      {"\xC2\x80\xC2\x9F\xC2\xA0", "\\u0080\\u009f\xC2\xA0"},
      {"\xE2\x80\xAE"
       "cod",
       "\\u202ecod"},  // right-to-left override
      {"\xE2\x80\xAA\xE2\x81\xA6\xE2\x81\xA9", "\\u202a\\u2066\\u2069"},
      {"\xE2\x80\x8E\xE2\x80\x8F\xD8\x9C", "\\u200e\\u200f\\u061c"},
      {"\xE2\x80\xA8\xE2\x80\xA9", "\\u2028\\u2029"},  // separators of lines and paragraphs
  };
  for (const auto& [given, expected] : cases) {
    CAPTURE(expected);
    REQUIRE(text::printable(given) == expected);
    REQUIRE(text::printable(expected) == expected);  // printing twice changes nothing more
  }
}

TEST_CASE("bytes that are no UTF-8 are shown, or replaced, each by itself", "[core]") {
  const std::vector<Case> cases = {
      {"a\xFF"
       "b",
       "a\\xffb"},
      {"\xD1", "\\xd1"},  // the start of a Cyrillic letter that was cut
      {"\xE4\xB8", "\\xe4\\xb8"},
      {"\xC0\xAF", "\\xc0\\xaf"},  // overlong "/"
      {"\xE0\x80\xAF", "\\xe0\\x80\\xaf"},
      {"\xED\xA0\x80", "\\xed\\xa0\\x80"},           // a surrogate
      {"\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // beyond U+10FFFF
      {"\x9B"
       "31m",
       "\\x9b31m"},  // CSI of an 8-bit terminal
  };
  for (const auto& [given, expected] : cases) {
    CAPTURE(expected);
    REQUIRE(text::printable(given) == expected);
  }
  REQUIRE(text::valid_utf8("a\xFF\xD1") == std::string("a") + kOne + kOne);
  REQUIRE(text::first_code_point("\xF4\x8F\xBF\xBF").value == 0x10FFFF);
  REQUIRE(text::first_code_point("").bytes == 0);
}

TEST_CASE("JSON keeps its meaning and loses its controls", "[core]") {
  REQUIRE(text::printable_json("{\n  \"a\xC2\x9B\x7F\": \"\xE2\x80\xAE слой\"\n}") ==
          "{\n  \"a\\u009b\\u007f\": \"\\u202e слой\"\n}");
  REQUIRE(text::printable_json("[\"\xFF\"]") == std::string("[\"") + kOne + "\"]");
}

TEST_CASE("a text is cut between its letters, by what a terminal takes for them", "[core]") {
  REQUIRE(text::columns("слой") == 4);
  REQUIRE(text::columns("層") == 2);
  REQUIRE(text::columns("e\u0301") == 1);
  REQUIRE(text::columns("\xFF") == 1);
  REQUIRE(text::fitted("слой", 3) == "сло");
  REQUIRE(text::fitted("層層", 3) == "層");
  REQUIRE(text::fitted("e\u0301e\u0301", 1) == "e\u0301");
  REQUIRE(text::fitted("слой", 9) == "слой");
  REQUIRE(text::fitted("слой", 0).empty());
  REQUIRE(text::shortened("слой", 4) == "слой");
  REQUIRE(text::shortened("слой", 3) == "сл…");
  REQUIRE(text::shortened("слой", 3, Keep::kEnd) == "…ой");
  REQUIRE(text::shortened("слой", 1) == "…");
  REQUIRE(text::shortened("слой", 0).empty());
  REQUIRE(text::shortened("層層層", 6) == "層層層");
  REQUIRE(text::shortened("層層層", 5) == "層層…");
  REQUIRE(text::shortened("層層層", 4) == "層…");  // half a letter is none
  REQUIRE(text::shortened("層層層", 4, Keep::kEnd) == "…層");
  REQUIRE(text::shortened("e\u0301e\u0301e\u0301", 2) == "e\u0301…");
  REQUIRE(text::shortened("e\u0301e\u0301e\u0301", 2, Keep::kEnd) == "…e\u0301");
  const std::string name = "Декодер.слои.12.внимание";
  for (std::size_t most = 0; most < 30; ++most) {
    for (const auto keep : {Keep::kStart, Keep::kEnd}) {
      const auto cut = text::shortened(name, most, keep);
      CAPTURE(most, cut);
      REQUIRE(text::columns(cut) == std::min<std::size_t>(most, 24));
      REQUIRE(text::valid_utf8(cut) == cut);
    }
  }
}

TEST_CASE("a table's cells are as wide as they look", "[core]") {
  REQUIRE(text::padded("слой", 6) == "слой  ");
  REQUIRE(text::padded_left("層", 4) == "  層");
  REQUIRE(text::padded("too long", 3) == "too long");
  REQUIRE(text::padded_left("too long", 3) == "too long");
}
