#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <vector>

#include "runs/samples.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::IoError;
using infoplane::JsonLinesSink;
using infoplane::read_run_file;
using samples::point;

namespace {

/// The text of a run with a header and points at the steps 0, 50, …
std::string run_text(int points) {
  const samples::Folder folder;
  auto sink = opened<JsonLinesSink>(folder.file());
  sink.write(samples::header());
  for (int i = 0; i < points; ++i) {
    sink.write(point(50L * i));
  }
  return samples::read(folder.file());
}

std::string replaced(std::string text, const std::string& old, const std::string& by) {
  const auto at = text.find(old);
  REQUIRE(at != std::string::npos);
  return text.replace(at, old.size(), by);
}

}  // namespace

TEST_CASE("a run cut anywhere in its last line reads up to the line before", "[runs]") {
  const samples::Folder folder;
  const auto text = run_text(3);
  const auto last = text.rfind('\n', text.size() - 2) + 1;
  for (auto size = last; size <= text.size(); ++size) {
    CAPTURE(size);
    samples::write(folder.file(), text.substr(0, size));
    const auto run = read_run_file(folder.file());
    const bool whole = size + 1 >= text.size();  // the line feed alone may be missing
    REQUIRE(run.points.size() == (whole ? 3 : 2));
    REQUIRE(run.cut == (size > last && !whole));
  }
  samples::write(folder.file(), text.substr(0, last) + std::string(100, '\0'));  // as file systems leave it
  REQUIRE(read_run_file(folder.file()).cut);
}

TEST_CASE("carriage returns, empty lines and fields of later versions are passed over", "[runs]") {
  const samples::Folder folder;
  auto text = replaced(run_text(2), "{\"step\":50,", "{\"later\":[1],\"step\":50,");
  text = replaced(text, "\n", "\r\n\n");
  samples::write(folder.file(), text + "\n");
  REQUIRE(read_run_file(folder.file()).points.size() == 2);
}

TEST_CASE("an error names file and line", "[runs]") {
  const samples::Folder folder;
  const auto good = run_text(2);
  const auto header = good.substr(0, good.find('\n') + 1);
  struct Row {
    std::string text;
    const char* line;
    const char* what;
  };
  const std::vector<Row> rows = {
      {"", ":1: ", "the file holds no whole line, so it is no run yet"},
      {header.substr(0, 20), ":1: ", "the file holds no whole line, so it is no run yet"},
      {"step,loss\n1,2\n", ":1: ", "not JSON: "},
      {"{\"a\":1}\n", ":1: ", "neither the header nor a point of an infoplane run"},
      {"[1]\n", ":1: ", "neither the header nor a point of an infoplane run"},
      {good.substr(header.size()), ":1: ", "a point stands before the header, so it isn't known how it was measured"},
      {replaced(good, "infoplane.run", "wandb.run"),
       ":1: ", "the header is of schema \"wandb.run\" instead of \"infoplane.run\""},
      {replaced(good, "\"schema_version\":1", "\"schema_version\":2"), ":1: ",
       "the file has schema version 2, this library reads 1 to 1: use the infoplane release that wrote it, or a later "
       "one"},
      {replaced(good, "\"m\":100", "\"mm\":100"), ":1: ", "the header has no field \"m\""},
      {replaced(good, "\"m\":100", "\"m\":1e300"),
       ":1: ", "the header has 1e+300 in its field \"m\" instead of a 64-bit integer"},
      {replaced(good, "\"lr\":0.004", "\"lr\":[]"),
       ":1: ", "the header has [] in its field \"lr\" instead of a number, text or truth value"},
      {header + "garbage\n" + good.substr(header.size()), ":2: ", "not JSON: "},
      {replaced(good, "\"loss\":2.0431", "\"loss\":\"high\""), ":2: ",
       "the point has \"high\" in its field \"loss\" instead of a number, \"NaN\", \"Infinity\" or \"-Infinity\""},
      {replaced(good, "\"step\":50", "\"step\":18446744073709551615"),
       ":3: ", "the point has 18446744073709551615 in its field \"step\" instead of a 64-bit integer"},
      {replaced(good, "\"layers\":[", "\"layers\":[7,"), ":2: ", "a layer is number instead of an object"},
      {replaced(good, "\"rejected\":4,", "\"rejected\":4,\"reasons\":{\"H(Z)\":1},"),
       ":2: ", "a layer has 1 in its field \"H(Z)\" instead of a text"},
      {replaced(good, "\"rejected\":4,", "\"rejected\":4,\"reasons\":\"none\","),
       ":2: ", "a layer has \"none\" in its field \"reasons\" instead of an object of texts"},
      {good + "\"tail\"", ":4: ", "neither the header nor a point of an infoplane run"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    samples::write(folder.file(), row.text);
    REQUIRE_THROWS_MATCHES(read_run_file(folder.file()), IoError,
                           MessageMatches(ContainsSubstring(folder.file() + row.line + row.what)));
  }
}

TEST_CASE("the header keeps the curves of the data", "[runs]") {
  const samples::Folder folder;
  auto header = samples::header();
  header.curves = {{"unigram", {{0, 0}, {0.2, 0.12}, {0.4, 0.15}}}, {"bigram", {}}};
  opened<JsonLinesSink>(folder.file()).write(header);
  REQUIRE(read_run_file(folder.file()).header.curves == header.curves);
  const auto text = samples::read(folder.file());
  REQUIRE_THAT(text, ContainsSubstring(R"("curves":{"bigram":[],"unigram":[[0.0,0.0],[0.2,0.12],[0.4,0.15]]})"));
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"[0.2,0.12,1]", "the header has an array in its field \"unigram\" instead of a pair of numbers"},
      {"0.2", "the header has 0.2 in its field \"unigram\" instead of a pair of numbers"},
      {"[0.2,\"a\"]", "the header has \"a\" in its field \"unigram\" instead of a number"}};
  for (const auto& [by, what] : wrong) {
    samples::write(folder.file(), replaced(text, "[0.2,0.12]", by));
    REQUIRE_THROWS_MATCHES(read_run_file(folder.file()), IoError, MessageMatches(ContainsSubstring(what)));
  }
  samples::write(folder.file(), replaced(text, "\"curves\":{", "\"curves\":[],\"later\":{"));
  REQUIRE_THROWS_MATCHES(
      read_run_file(folder.file()), IoError,
      MessageMatches(ContainsSubstring("[] in its field \"curves\" instead of an object of arrays")));
}

TEST_CASE("a file that cannot be read is an error with the reason", "[runs]") {
  const samples::Folder folder;
  REQUIRE_THROWS_MATCHES(read_run_file(folder.file()), IoError,
                         Message("cannot read the run file " + folder.file() + ": No such file or directory"));
  REQUIRE_THROWS_MATCHES(read_run_file(folder.file(".")), IoError,
                         Message("cannot read the run file " + folder.file(".") + ": Is a directory"));
}

TEST_CASE("the header says whether a centre was taken; files of older releases have none", "[runs]") {
  const samples::Folder folder;
  auto header = samples::header();
  const auto written = [&] {
    opened<JsonLinesSink>(folder.file(), infoplane::OpenMode::kOverwrite).write(header);
    return samples::read(folder.file());
  };
  REQUIRE_THAT(written(), !ContainsSubstring("centre"));
  REQUIRE_FALSE(read_run_file(folder.file()).header.centre);
  header.centre = true;
  const auto text = written();
  REQUIRE(read_run_file(folder.file()).header.centre);
  samples::write(folder.file(), replaced(text, "\"centre\":true", "\"centre\":1"));
  REQUIRE_THROWS_MATCHES(
      read_run_file(folder.file()), IoError,
      MessageMatches(ContainsSubstring("the header has 1 in its field \"centre\" instead of a truth value")));
}
