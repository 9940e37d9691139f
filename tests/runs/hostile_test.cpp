#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_check.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/runs/run_follower.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <limits>
#include <vector>

#include "runs/texts.hpp"
#include "sinks/capture.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::IoError;
using infoplane::OpenMode;
using infoplane::read_run_file;
using infoplane::RunFileOptions;
using infoplane::runs::check_run_file;
using infoplane::runs::RunFollower;
using samples::bare_point;
using samples::header_line;
using samples::numbered;
using samples::point_line;
using samples::repeated;
using samples::with;

TEST_CASE("a line nested a million deep is an error of every reader, with line and depth", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  const auto deep = repeated(1000000, "[") + repeated(1000000, "]");
  const auto deep_objects = repeated(1000000, "{\"a\":") + std::string("0") + repeated(1000000, "}");
  struct Row {
    std::string text;
    int line;
  };
  const std::vector<Row> rows = {
      {deep + "\n", 1},
      {with(header_line(), "\"label_sets\":[", "\"label_sets\":[" + deep + ",") + "\n", 1},
      {with(header_line(), "\"config\":{", "\"config\":{\"deep\":" + deep_objects + ",") + "\n", 1},
      {with(header_line(), "\"schema_version\"", "\"later\":" + deep + ",\"schema_version\"") + "\n", 1},
      {header_line() + std::string("\n") +
           with(point_line(0), "\"loss\":", "\"later\":" + deep_objects + ",\"loss\":") + "\n",
       2},
      {header_line() + std::string("\n") + bare_point(0, "{\"a\":" + deep + "}", "[]") + "\n", 2},
      {header_line() + std::string("\n") + point_line(0) + std::string("\n") + bare_point(50, "{}", deep), 3},
      {header_line() + std::string("\n") + point_line(0) + "\n" + deep + std::string("\n") + point_line(50) + "\n", 3},
  };
  for (const auto& [text, line] : rows) {
    samples::write(path, text);
    const auto place = std::string(":") + std::to_string(line) + ": ";
    const auto there = [&] { return MessageMatches(ContainsSubstring(path + place)); };
    CAPTURE(line, text.size());
    if (text.starts_with("[")) {  // no object, so no line of a run however deep
      REQUIRE_THROWS_MATCHES(read_run_file(path), IoError, there());
    } else {
      REQUIRE_THROWS_MATCHES(read_run_file(path, RunFileOptions().max_layer_points(4)), IoError, there());
      REQUIRE_THROWS_AS(read_run_file(path), IoError);
    }
    if (text.find("\"later\"") != std::string::npos) {
      REQUIRE_THROWS_MATCHES(
          read_run_file(path), IoError,
          MessageMatches(ContainsSubstring(path + place) && ContainsSubstring("nested more than 64 deep")));
    }
    RunFollower follower(path);
    if (text.ends_with('\n')) {
      REQUIRE_THROWS_MATCHES(follower.poll(), IoError, there());
    }
    const auto findings = check_run_file(path);
    REQUIRE_FALSE(findings.empty());
    REQUIRE(findings.front().line == line);
    REQUIRE(findings.front().error);
  }
  samples::write(path, rows[3].text);
  REQUIRE_THROWS_MATCHES(opened<infoplane::JsonLinesSink>(path, OpenMode::kAppend), IoError,
                         MessageMatches(ContainsSubstring("nested more than 64 deep") &&
                                        ContainsSubstring("nothing can be appended to it")));
  REQUIRE(samples::read(path) == rows[3].text);
}

TEST_CASE("a million label sets, sites, settings and corners of a curve are read in linear time", "[runs]") {
  constexpr std::size_t kMany = 1000000;
  const samples::Folder folder;
  const auto path = folder.file();
  auto text =
      with(header_line(), "\"label_sets\":[", std::string("\"label_sets\":[") + numbered(kMany, "\"s", "\"") + ",");
  text = with(text, "\"sites\":[", std::string("\"sites\":[") + numbered(kMany, "\"b", "\"") + ",");
  text = with(text, "\"config\":{", std::string("\"config\":{") + numbered(kMany, "\"c", "\":1") + ",");
  text =
      with(text,
           "\"config\":", std::string("\"curves\":{\"unigram\":[") + repeated(kMany, "[0,0],") + "[1,1]]},\"config\":");
  samples::write(path, text + "\n");
  const auto header = read_run_file(path).header;
  REQUIRE(header.label_sets.size() == kMany + 2);
  REQUIRE(header.label_sets[kMany - 1] == "s999999");
  REQUIRE(header.sites.size() == kMany + 2);
  REQUIRE(header.config.size() == kMany + 4);
  REQUIRE(header.curves.at("unigram").size() == kMany + 1);
  const auto again = infoplane::runs::run_json::encode(header);
  REQUIRE(std::get<infoplane::runs::RunHeader>(infoplane::runs::run_json::decode(again)).config.size() == kMany + 4);
  REQUIRE(check_run_file(path).empty());
}

TEST_CASE("a million metrics of a point, and a million layers, are read, checked and written in linear time",
          "[runs]") {
  constexpr std::size_t kMany = 1000000;
  const samples::Folder folder;
  const auto path = folder.file();
  samples::write(path, header_line() + std::string("\n") +
                           bare_point(0, std::string("{") + numbered(kMany, "\"k", "\":0.5") + "}", "[]") + "\n");
  for (const std::int64_t few : {0, 4}) {
    const auto run = read_run_file(path, RunFileOptions().max_layer_points(few));
    REQUIRE(run.points.at(0).mean.size() == kMany);
    REQUIRE(run.points[0].mean.at("k999999") == 0.5);
  }
  REQUIRE(check_run_file(path).empty());

  const auto layers = numbered(kMany, "{\"name\":\"b", R"x(","tokens":1,"rejected":0,"metrics":{"H(Z)":0.5}})x");
  samples::write(path, header_line() + std::string("\n") + bare_point(0, "{}", "[" + layers + "]") + "\n");
  const auto run = read_run_file(path, RunFileOptions().max_layer_points(4));
  REQUIRE(run.points.at(0).layers.size() == kMany);
  REQUIRE(run.points[0].layers[kMany - 1].name == "b999999");
  const auto line = infoplane::runs::run_json::encode(run.points[0]);
  REQUIRE(std::get<infoplane::plane::Point>(infoplane::runs::run_json::decode(line)).layers.size() == kMany);
  const auto findings = check_run_file(path);
  REQUIRE(findings.size() == 1);
  REQUIRE(findings[0].text == "layer b0 is not among the header's sites: embedding, blocks.0");
}

TEST_CASE("layers that would take too much are kept of fewer points", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  // 20 metrics of 20 000 layers: nine such points hold some 3.8 million, ten are too many.
  const auto layer = R"(","tokens":1,"rejected":0,"metrics":{)" + numbered(20, "\"m", "\":1") + "}}";
  const auto layers = std::string("[") + numbered(20000, "{\"name\":\"", layer) + "]";
  std::string text = header_line() + "\n";
  for (int step = 0; step < 12; ++step) {
    text += bare_point(step, "{\"H(Z)\":0.5}", layers) + "\n";
  }
  samples::write(path, text);
  const auto run = read_run_file(path, RunFileOptions().max_layer_points(400));
  REQUIRE(run.points.size() == 12);
  std::vector<std::int64_t> kept;
  for (const auto& point : run.points) {
    if (!point.layers.empty()) {
      REQUIRE(point.layers.size() == 20000);
      kept.push_back(point.step);
    }
  }
  REQUIRE(kept == std::vector<std::int64_t>{0, 2, 4, 6, 8, 10, 11});
}

TEST_CASE("a run has a bounded number of streams", "[runs]") {
  const samples::Folder folder;
  std::string text = header_line() + "\n";
  for (int i = 0; i < 256; ++i) {
    text += point_line(0, infoplane::detail::concat("s", i)) + "\n";
  }
  samples::write(folder.file(), text);
  REQUIRE(read_run_file(folder.file()).points.size() == 256);
  REQUIRE(check_run_file(folder.file()).empty());
  samples::write(folder.file(), text + point_line(0, "one more") + "\n");
  REQUIRE_THROWS_MATCHES(read_run_file(folder.file()), IoError,
                         MessageMatches(ContainsSubstring(folder.file() + ":258: the run has more than 256 streams, "
                                                                          "which is the most that is read")));
  REQUIRE(check_run_file(folder.file()).at(0).line == 258);
}

TEST_CASE("marks, line ends and blanks of other systems are passed over", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  const auto text = std::string("\xEF\xBB\xBF") + header_line() + std::string("\r\n\r\n \t\r\n") + point_line(0) +
                    std::string("\r\n\n") + point_line(50) + "\r\n \r";
  samples::write(path, text);
  const auto run = read_run_file(path);
  REQUIRE(run.header.run == "tiny-gpt");
  REQUIRE(run.points.size() == 2);
  REQUIRE_FALSE(run.cut);
  REQUIRE(check_run_file(path).empty());
  RunFollower follower(path);
  REQUIRE(follower.poll());
  REQUIRE(follower.run().points.size() == 2);
}

TEST_CASE("bytes that are no text are refused where they stand, and left out where a crash left them", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  const std::string nul(4096, '\0');
  const auto good = header_line() + std::string("\n") + point_line(0) + "\n";
  samples::write(path, good + nul);
  REQUIRE(read_run_file(path).cut);
  samples::write(path, good + point_line(50) + nul);  // a whole point, but its line has no end
  REQUIRE(read_run_file(path).points.size() == 1);
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {good + nul + point_line(50) + "\n", ":3: not JSON: column 1: a NUL byte"},
      {good + point_line(50) + std::string("\0{}\n", 4), ": a NUL byte"},
      {good + with(point_line(50), "\"train\"", "\"tr\xFF\"") + "\n", ":3: not JSON: "},
      {good + with(point_line(50), "\"train\"", "\"tr\xC0\x80\"") + "\n", ":3: not JSON: "},
      {"\xFF\xFE" + good, ":1: not JSON: "},
      {good + "\xEF\xBB\xBF\n", ":3: not JSON: "},
  };
  for (const auto& [text, message] : wrong) {
    samples::write(path, text);
    CAPTURE(message);
    REQUIRE_THROWS_MATCHES(read_run_file(path), IoError, MessageMatches(ContainsSubstring(message)));
    REQUIRE(check_run_file(path).at(0).error);
  }
}

TEST_CASE("numbers that are none, too large or spelled otherwise never read as others", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  const auto good = header_line() + std::string("\n") + point_line(50) + "\n";
  const auto read = [&](const std::string& old, const std::string& by) {
    REQUIRE(good.find(old) != std::string::npos);
    samples::write(path, with(good, old, by));
    return read_run_file(path).points.at(0);
  };
  REQUIRE(read("\"loss\":2.0431", "\"loss\":-0").loss == 0);
  REQUIRE(read("\"loss\":2.0431", "\"loss\":2E0").loss == 2);
  REQUIRE(read("\"loss\":2.0431", "\"loss\":1e-999").loss == 0);
  REQUIRE(read("\"loss\":2.0431", "\"loss\":18446744073709551615").loss == 18446744073709551615.0);
  REQUIRE(read("\"loss\":2.0431", "\"loss\":36893488147419103232").loss == 36893488147419103232.0);
  REQUIRE(std::isnan(read("\"loss\":2.0431", "\"loss\":\"NaN\"").loss));
  REQUIRE(read("\"step\":50", "\"step\":9223372036854775807").step == std::numeric_limits<std::int64_t>::max());
  REQUIRE(read("\"step\":50", "\"step\":-9223372036854775808").step == std::numeric_limits<std::int64_t>::min());
  REQUIRE(read("\"step\":50", "\"step\":-0").step == 0);
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"\"loss\":1e999", "number overflow parsing '1e999'"},
      {"\"loss\":null", "the point has null in its field \"loss\" instead of a number, \"NaN\""},
      {"\"loss\":NaN", "not JSON: "},
      {"\"loss\":\"nan\"", "the point has \"nan\" in its field \"loss\" instead of a number"},
      {"\"loss\":true", "the point has true in its field \"loss\" instead of a number"},
      {"\"loss\":0x10", "not JSON: "},
      {"\"loss\":1_000", "not JSON: "},
      {"\"loss\":1,\"loss\":2", "the point has the field \"loss\" twice"}};
  for (const auto& [by, message] : wrong) {
    CAPTURE(by);
    REQUIRE_THROWS_MATCHES(read("\"loss\":2.0431", by), IoError, MessageMatches(ContainsSubstring(message)));
  }
  for (const auto* step :
       {"9223372036854775808", "-9223372036854775809", "1e3", "50.0", "50.7", "\"50\"", "null", "1e999"}) {
    CAPTURE(step);
    REQUIRE_THROWS_MATCHES(read("\"step\":50", std::string("\"step\":") + step), IoError,
                           MessageMatches(ContainsSubstring(path + ":2: ")));
  }
  const auto config = [&](const std::string& value) {
    samples::write(path, with(good, "\"batch\":16", "\"batch\":" + value));
    return read_run_file(path).header.config.at("batch");
  };
  REQUIRE(std::get<std::int64_t>(config("9223372036854775807")) == std::numeric_limits<std::int64_t>::max());
  REQUIRE(std::get<double>(config("18446744073709551615")) == 18446744073709551615.0);  // not -1
}

TEST_CASE("a name that comes twice in one object is refused", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  auto header = samples::header();
  header.curves = {{"unigram", {{0, 0}}}};
  const auto good = infoplane::runs::run_json::encode(header) + "\n" +
                    with(point_line(0), "\"rejected\":4,", "\"rejected\":4,\"reasons\":{\"a\":\"b\"},") + "\n";
  samples::write(path, good);
  REQUIRE(read_run_file(path).points.size() == 1);
  const std::vector<std::vector<std::string>> rows = {
      {"\"m\":100", "\"m\":100,\"m\":50", ":1: the header has the field \"m\" twice"},
      {"\"lr\":0.004", "\"lr\":0.004,\"lr\":1", ":1: the header has the field \"lr\" twice"},
      {"\"unigram\":[[0.0,0.0]]", "\"unigram\":[],\"unigram\":[]", ":1: the header has the field \"unigram\" twice"},
      {"\"step\":0", "\"step\":0,\"step\":50", ":2: the point has the field \"step\" twice"},
      {"\"H(Z)\":0.9", "\"H(Z)\":0.9,\"H(Z)\":0.8", ":2: the point has the field \"H(Z)\" twice"},
      {"\"layers\":[", "\"layers\":[],\"layers\":[", ":2: the point has the field \"layers\" twice"},
      {"\"name\":\"embedding\"", "\"name\":\"embedding\",\"name\":\"e\"", ":2: a layer has the field \"name\" twice"},
      {"\"reasons\":{\"a\":\"b\"", "\"reasons\":{\"a\":\"b\",\"a\":\"c\"", ":2: a layer has the field \"a\" twice"},
  };
  for (const auto& row : rows) {
    CAPTURE(row[2]);
    REQUIRE(good.find(row[0]) != std::string::npos);
    samples::write(path, with(good, row[0], row[1]));
    REQUIRE_THROWS_MATCHES(read_run_file(path), IoError, MessageMatches(ContainsSubstring(path + row[2])));
  }
  samples::write(path, with(good, "\"step\":0", "\"later\":1,\"step\":0,\"later\":[2]"));  // not this reader's
  REQUIRE(read_run_file(path).points.size() == 1);
}

TEST_CASE("a line is a header or a point, whatever it begins with", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  const auto odd = with(header_line(), "{\"schema\":\"infoplane.run\",",
                        R"({ "notes":{"schema":["}\""]}, "schema" : "infoplane.run",)");
  samples::write(path,
                 odd + std::string("\n") + with(point_line(0), "{\"step\":0,", "{\"a\":\"schema\",\"step\":0,") + "\n");
  REQUIRE(read_run_file(path).points.size() == 1);
  samples::write(path,
                 header_line() + std::string("\n") + with(point_line(0), "\"loss\"", "\"schema\":1,\"loss\"") + "\n");
  REQUIRE_THROWS_MATCHES(read_run_file(path), IoError,
                         MessageMatches(ContainsSubstring(":2: a point with a field \"schema\", which makes an object "
                                                          "the header of a run")));
}

TEST_CASE("steps that go back are read as they stand, and told of by the check", "[runs]") {
  const samples::Folder folder;
  const auto path = folder.file();
  samples::write(path, header_line() + std::string("\n") + point_line(100) + std::string("\n") + point_line(50) +
                           std::string("\n") + point_line(50) + "\n");
  const auto run = read_run_file(path);
  REQUIRE(run.points.size() == 3);
  REQUIRE(run.points[1].step == 50);
  const auto findings = check_run_file(path);
  REQUIRE(findings.size() == 2);
  REQUIRE(findings[0].text ==
          "step 50 of the stream \"train\" comes after its step 100, though the run was not resumed");
}

TEST_CASE("a point that no reader would take is not written", "[runs]") {
  const CaptureErrors errors;
  const samples::Folder folder;
  auto sink = opened<infoplane::JsonLinesSink>(folder.file());
  sink.write(samples::header());
  auto point = samples::point(0);
  point.split = std::string((std::size_t{256} << 20U) + 1, 'x');
  sink.write(point);
  REQUIRE(sink.failures() == 1);
  REQUIRE_THAT(sink.first_error(), ContainsSubstring("the point of step 0 would be a line of ") &&
                                       ContainsSubstring("but none of more than 268435456 is read"));
  sink.write(samples::point(50));
  REQUIRE(read_run_file(folder.file()).points.size() == 1);
}
