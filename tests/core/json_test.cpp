#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <infoplane/core/error.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/json.hpp"
#include "core/json_tree.hpp"

using Catch::Matchers::Message;
using infoplane::IoError;
namespace json = infoplane::json;

namespace {

std::string repeated(std::size_t count, const std::string& text) {
  std::string out;
  out.reserve(count * text.size());
  for (std::size_t i = 0; i < count; ++i) {
    out += text;
  }
  return out;
}

/// Counts what it is told.
struct Counter final : json::Events {
  std::size_t scalars = 0, names = 0, depth = 0, deepest = 0;
  void scalar(json::Scalar /*value*/) override { ++scalars; }
  void open(json::Kind /*kind*/) override { deepest = std::max(deepest, ++depth); }
  void close() override { --depth; }
  void name(std::string /*text*/) override { ++names; }
};

}  // namespace

TEST_CASE("what is told of a JSON text is what nlohmann's tree holds", "[core]") {
  const std::string text =
      R"({"a":[1,-2,0.5,-0,1e3,true,false,null,"x\n\u00e9\"",[],{}],"b":{"c":[[[]]]},"":18446744073709551615,
                             "d":-9223372036854775808,"e":36893488147419103232})";
  REQUIRE(json::parse(text) == nlohmann::json::parse(text));
  for (const auto* scalar : {"1", "-1", "\"text\"", "true", "null", " 0.25 ", "[]", "{}"}) {
    CAPTURE(scalar);
    REQUIRE(json::parse(scalar) == nlohmann::json::parse(scalar));
  }
  REQUIRE(json::parse("\xEF\xBB\xBF[1]") == nlohmann::json::parse("[1]"));
}

TEST_CASE("depth is bounded before anything is built", "[core]") {
  for (const auto* pair : {"[]", "{}"}) {
    const std::string open = pair[0] == '[' ? "[" : "{\"a\":", last = pair[0] == '[' ? "" : "0";
    const auto nested = [&](std::size_t depth) {
      return repeated(depth, open) + last + repeated(depth, std::string(1, pair[1]));
    };
    Counter counter;
    json::read(nested(64), counter);
    REQUIRE(counter.deepest == 64);
    REQUIRE(counter.depth == 0);
    const auto column = 64 * open.size() + 1;
    for (const std::size_t depth : {65, 1000, 1000000}) {
      CAPTURE(pair, depth);
      REQUIRE_THROWS_MATCHES(json::parse(nested(depth)), IoError,
                             Message("arrays and objects are nested more than 64 deep, deeper than is read, from "
                                     "column " +
                                     std::to_string(column) + " on"));
      REQUIRE_THROWS_AS(json::parse(nested(depth).substr(0, depth)), IoError);  // cut
    }
  }
  REQUIRE_THROWS_MATCHES(
      json::parse(std::string("{\"[\": \"[[\\\"[\",\n \"b\":") + repeated(64, "[") + repeated(64, "]") + "}"), IoError,
      Message("arrays and objects are nested more than 64 deep, deeper than is read, from line 2, "
              "column 69 on"));
}

TEST_CASE("many values, a long text and a wide object are read in linear time", "[core]") {
  Counter counter;
  json::read(std::string("[") + repeated(1000000, "0,") + "0]", counter);
  REQUIRE(counter.scalars == 1000001);
  std::string object = "{";
  for (int i = 0; i < 1000000; ++i) {
    object += infoplane::detail::concat('"', i, "\":1,");
  }
  object.back() = '}';
  REQUIRE(json::parse(object).size() == 1000000);
  const std::string text(50000000, 'x');
  REQUIRE(json::parse(infoplane::detail::concat('"', text, '"')).get_ref<const std::string&>() == text);
  const auto many = std::string("[") + repeated(json::kMostValues, "0,") + "0]";
  REQUIRE_THROWS_MATCHES(json::read(many, counter), IoError,
                         Message("more than 16777216 values in one JSON text, more than are read"));
}

TEST_CASE("what is no JSON is told with its place, and without more than a glimpse of it", "[core]") {
  struct Row {
    std::string text, message;
  };
  const std::vector<Row> rows = {
      {"",
       "not JSON: column 1: syntax error while parsing value - unexpected end of input; expected '[', '{', or a "
       "literal"},
      {"{\"a\":1", "not JSON: column 7: syntax error while parsing object - unexpected end of input; expected '}'"},
      {"[1]]", "not JSON: column 4: syntax error while parsing value - unexpected ']'; expected end of input"},
      {"{\"a\":1e999}", "not JSON: column 10: number overflow parsing '1e999'"},
      {"[1,\n 2,\n x]",
       "not JSON: line 3, column 2: syntax error while parsing value - invalid literal; last read: "
       "'2,<U+000A> x'; expected end of input"},
      {std::string("{\"a\":1}\0{\"a\":2}", 15), "not JSON: column 8: a NUL byte"},
      {std::string("\0", 1), "not JSON: column 1: a NUL byte"},
      {"[1]\n\xFF", ""},
      {"\xFF\xFE[\0", ""},
      {"\"\xED\xA0\x80\"", ""},
      {"\"\xC3", ""},
      {"NaN", ""},
      {"[1,]", ""},
      {"[01]", ""},
      {"[+1]", ""},
      {"{'a':1}", ""},
      {"[1] // a", ""},
      {"\"\t\"", ""},
      {std::string(1000000, 'x'), ""},
      {std::string("\"") + std::string(1000000, 'x'), ""},
      {std::string("\"") + repeated(1000000, "\xD0\x96") + "\x01", ""},
  };
  for (const auto& [text, message] : rows) {
    CAPTURE(text.substr(0, 80));
    REQUIRE_FALSE(json::is_whole(text));
    std::string said;
    try {
      json::parse(text);
    } catch (const IoError& error) {
      said = error.what();
    }
    REQUIRE(said.starts_with("not JSON: "));
    REQUIRE(said.size() < 400);
    if (!message.empty() && !message.starts_with("not JSON: line 3")) {
      REQUIRE(said == message);
    }
  }
}

TEST_CASE("a name that comes twice is no matter of taste", "[core]") {
  REQUIRE_THROWS_MATCHES(json::parse(R"({"a":1,"b":{"x":1,"x":1}})"), IoError,
                         Message("an object has the name \"x\" twice"));
  REQUIRE(json::parse(R"([{"x":1},{"x":1}])").size() == 2);
}

TEST_CASE("a whole text is whole at any depth", "[core]") {
  REQUIRE(json::is_whole(repeated(100000, "[") + repeated(100000, "]")));
  REQUIRE_FALSE(json::is_whole(repeated(100000, "[") + repeated(99999, "]")));
  REQUIRE_FALSE(json::is_whole(""));
  REQUIRE_FALSE(json::is_whole(std::string("1\0", 2)));
}
