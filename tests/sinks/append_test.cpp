#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <vector>

#include "runs/samples.hpp"
#include "sinks/capture.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::IoError;
using infoplane::JsonLinesSink;
using infoplane::OpenMode;
using infoplane::read_run_file;
using samples::point;

namespace {

std::vector<std::int64_t> steps(const std::vector<infoplane::plane::Point>& points) {
  std::vector<std::int64_t> found;
  for (const auto& each : points) {
    found.push_back(each.step);
  }
  return found;
}

void write_run(const std::string& path, const std::vector<std::int64_t>& at, OpenMode mode = OpenMode::kRefuse) {
  auto sink = opened<JsonLinesSink>(path, mode);
  auto header = samples::header();
  header.started = mode == OpenMode::kAppend ? "later" : "first";
  sink.write(header);
  for (const auto step : at) {
    sink.write(point(step, "train", mode == OpenMode::kAppend ? 0.5 : 0.25));
    sink.write(point(step, "heldout", mode == OpenMode::kAppend ? 0.5 : 0.25));
  }
  REQUIRE(sink.failures() == 0);
}

}  // namespace

TEST_CASE("a resumed run replaces what it measures again", "[sinks]") {
  const samples::Folder folder;
  write_run(folder.file(), {0, 50, 100, 150});
  write_run(folder.file(), {100, 150, 200}, OpenMode::kAppend);  // from a checkpoint at step 99
  const auto run = read_run_file(folder.file());
  REQUIRE(run.header.started == "first");
  REQUIRE(run.resumed.size() == 1);
  REQUIRE(run.resumed[0].started == "later");
  for (const auto* split : {"train", "heldout"}) {
    const auto points = run.split(split);
    REQUIRE(steps(points) == std::vector<std::int64_t>{0, 50, 100, 150, 200});
    REQUIRE(points[1].mean.at("I(X;Z)/input_unigram") == 0.25);
    REQUIRE(points[2].mean.at("I(X;Z)/input_unigram") == 0.5);
  }
}

TEST_CASE("appending works on a run that was cut at any byte", "[sinks]") {
  const samples::Folder folder;
  write_run(folder.file(), {0, 50});
  const auto text = samples::read(folder.file());
  const auto header_end = text.find('\n') + 1;
  for (std::size_t size = 0; size <= text.size(); size += size < header_end || size + 30 > text.size() ? 1 : 7) {
    CAPTURE(size);
    samples::write(folder.file(), text.substr(0, size));
    const auto kept = size + 1 >= header_end ? read_run_file(folder.file()).points.size() : 0;
    write_run(folder.file(), {100}, OpenMode::kAppend);
    const auto run = read_run_file(folder.file());
    REQUIRE_FALSE(run.cut);
    REQUIRE(run.points.size() == kept + 2);
    REQUIRE(run.points.back().step == 100);
    REQUIRE(run.header.started == (size + 1 >= header_end ? "first" : "later"));
  }
}

TEST_CASE("appending to what isn't there or is empty starts a run", "[sinks]") {
  const samples::Folder folder;
  write_run(folder.file(), {0}, OpenMode::kAppend);
  REQUIRE(read_run_file(folder.file()).points.size() == 2);
  REQUIRE(read_run_file(folder.file()).resumed.empty());
}

TEST_CASE("a foreign file is neither appended to nor touched", "[sinks]") {
  const samples::Folder folder;
  for (const std::string text : {"notes", "notes\nof mine", "{\"a\":1}\n{\"b\"", "{\"schema\":\"wandb", "{}",
                                 "{\"step\":1}\n", "{\"schema\":\"infoplane.run\",\"schema_version\":9}\n{"}) {
    CAPTURE(text);
    samples::write(folder.file(), text);
    REQUIRE_THROWS_MATCHES(opened<JsonLinesSink>(folder.file(), OpenMode::kAppend), IoError,
                           MessageMatches(ContainsSubstring(folder.file() + ":1: ") &&
                                          ContainsSubstring("nothing can be appended to it: give another path, or "
                                                            "infoplane::OpenMode::kOverwrite to replace it")));
    REQUIRE(samples::read(folder.file()) == text);
  }
}

TEST_CASE("other anchors are not appended to a run", "[sinks]") {
  const CaptureErrors errors;
  const samples::Folder folder;
  write_run(folder.file(), {0});
  const auto text = samples::read(folder.file());
  {
    auto sink = opened<JsonLinesSink>(folder.file(), OpenMode::kAppend);
    auto header = samples::header();
    header.anchors = 50;
    sink.write(header);
    sink.write(point(50));
    REQUIRE(sink.failures() == 2);
    REQUIRE(
        sink.first_error() ==
        folder.file() +
            " holds a run with other settings: m (100 and 50); no point is written, because values before and after "
            "could not be compared: give another path, or resume with the settings of the run");
    REQUIRE(samples::read(folder.file()) == text);
    sink.write(samples::header());
    sink.write(point(50));
  }
  REQUIRE(steps(read_run_file(folder.file()).split("train")) == std::vector<std::int64_t>{0, 50});

  // A file that was glued together by hand is found by the reader.
  auto other = text;
  other.replace(other.find("\"m\":100"), 7, "\"m\":101");
  samples::write(folder.file(), text + other);
  REQUIRE_THROWS_MATCHES(read_run_file(folder.file()), IoError,
                         MessageMatches(ContainsSubstring(":4: the run was resumed with other settings: m (100 and "
                                                          "101)")));
}
