#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <infoplane/core/error.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/lines.hpp"

using Catch::Matchers::Message;
using infoplane::IoError;
using infoplane::Lines;

namespace {

using Numbered = std::vector<std::pair<std::string, std::int64_t>>;

/// The lines of a text that comes in pieces of a size.
Numbered lines_of(const std::string& text, std::size_t piece, std::string& rest) {
  Numbered found;
  Lines lines("file");
  for (std::size_t at = 0; at < text.size(); at += piece) {
    lines.push(std::string_view(text).substr(at, piece),
               [&](std::string_view line, std::int64_t number) { found.emplace_back(line, number); });
  }
  rest = lines.rest();
  return found;
}

}  // namespace

TEST_CASE("lines are the same in whatever pieces they come", "[core]") {
  const std::string text = "one\n\n two \r\n\r\n \t\r\nthree\r\r\nlast";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    CAPTURE(piece);
    std::string rest;
    REQUIRE(lines_of(text, piece, rest) == Numbered{{"one", 1}, {" two ", 3}, {"three\r", 6}});
    REQUIRE(rest == "last");
  }
}

TEST_CASE("what stands behind the last line feed can be dropped or ended", "[core]") {
  Numbered found;
  const auto take = [&](std::string_view line, std::int64_t number) { found.emplace_back(line, number); };
  Lines lines("file");
  lines.push("a\nb", take);
  lines.drop_rest();
  lines.push("c\nd", take);
  lines.end_rest(take);
  REQUIRE(found == Numbered{{"a", 1}, {"c", 2}, {"d", 3}});
  REQUIRE(lines.number() == 3);
  REQUIRE(lines.rest().empty());
}

TEST_CASE("a line is bounded, ended or not, and in whatever pieces it comes", "[core]") {
  const auto none = [](std::string_view /*line*/, std::int64_t /*number*/) {};
  const auto message = Message("run.jsonl:2: the line is longer than 10 bytes, which is the most that is read");
  for (const std::size_t piece : {1, 3, 10, 100}) {
    CAPTURE(piece);
    for (const std::string tail : {"12345678901", "12345678901\n"}) {
      const auto read = [&] {
        Lines lines("run.jsonl", 10);
        const auto text = "1234567890\n" + tail;
        for (std::size_t at = 0; at < text.size(); at += piece) {
          lines.push(std::string_view(text).substr(at, piece), none);
          REQUIRE(lines.rest().size() <= 10);
        }
      };
      REQUIRE_THROWS_MATCHES(read(), IoError, message);
    }
  }
}
