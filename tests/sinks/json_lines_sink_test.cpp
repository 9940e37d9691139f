#include <sys/resource.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <csignal>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "runs/samples.hpp"
#include "sinks/capture.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::Message;
using infoplane::IoError;
using infoplane::JsonLinesSink;
using infoplane::OpenMode;
using infoplane::read_run_file;
using samples::point;

TEST_CASE("a run reads back as it was written, whatever its values and names", "[sinks]") {
  const samples::Folder folder;
  auto header = samples::header();
  header.run = "λ-Lauf \"1\"\n\t\\";
  header.config["warm"] = std::numeric_limits<double>::infinity() > 0;
  header.config["Größe"] = std::int64_t{-5};
  auto odd = point(50, "heldout");
  odd.loss = std::numeric_limits<double>::quiet_NaN();
  odd.time = 1e-300;
  odd.layers[0].name = "блок.0 \u2264 層";
  odd.layers[1].reasons = {{"H(Z)/corrected", "no \"token\" counted"}, {"größer", "\n"}};
  odd.reasons = {{"tokens", "not counted: 96 tokens of step 0 \u2026"}};
  const auto inf = std::numeric_limits<double>::infinity();
  const std::vector<double> values = {inf,
                                      -inf,
                                      0.0,
                                      -0.0,
                                      1e-300,
                                      5e-324,
                                      1.7976931348623157e308,
                                      0.1,
                                      1.0,
                                      1.0 / 3,
                                      2.0,
                                      1e22,
                                      -1e-5,
                                      0.30000000000000004,
                                      1e15,
                                      123456789012345680.0};
  for (std::size_t i = 0; i < values.size(); ++i) {
    odd.mean["value " + std::to_string(i)] = values[i];
  }
  {
    auto sink = opened<JsonLinesSink>(folder.file());
    sink.write(header);
    sink.write(point(0));
    sink.write(odd);
    REQUIRE(sink.failures() == 0);
  }
  const auto run = read_run_file(folder.file());
  REQUIRE_FALSE(run.cut);
  REQUIRE(run.points.size() == 2);
  REQUIRE(samples::same(run.points[0], point(0)));
  REQUIRE(samples::same(run.points[1], odd));
  REQUIRE(run.split("heldout").size() == 1);
  const auto& back = run.header;
  REQUIRE(back.run == header.run);
  REQUIRE(back.started == header.started);
  REQUIRE(back.seed == header.seed);
  REQUIRE(infoplane::runs::differing_fields(back, header).empty());
  REQUIRE(samples::same(back.temperature, header.temperature));
  REQUIRE(back.calibration == header.calibration);
  REQUIRE(back.label_sets == header.label_sets);
  REQUIRE(back.sites == header.sites);
  REQUIRE(back.dtype == header.dtype);
  REQUIRE(back.world_size == 2);
  REQUIRE(back.every == 50);
  REQUIRE(back.window == 16);
  REQUIRE(back.library_version == header.library_version);
  REQUIRE(back.torch_version == header.torch_version);
  REQUIRE(back.config == header.config);
}

TEST_CASE("doubles of any bits survive", "[sinks]") {
  const samples::Folder folder;
  auto made = point(0);
  std::uint64_t bits = 0x9e3779b97f4a7c15U;
  for (int i = 0; i < 5000; ++i) {
    bits = bits * 6364136223846793005U + 1442695040888963407U;
    made.mean[std::to_string(i)] = std::bit_cast<double>(bits);
  }
  auto sink = opened<JsonLinesSink>(folder.file());
  sink.write(samples::header());
  sink.write(made);
  REQUIRE(samples::same(read_run_file(folder.file()).points.at(0), made));
}

TEST_CASE("any JSON parser reads the lines, and finds the documented fields", "[sinks]") {
  const samples::Folder folder;
  auto sink = opened<JsonLinesSink>(folder.file());
  auto made = point(50);
  made.loss = std::numeric_limits<double>::quiet_NaN();
  made.layers[1].name = "not \xff UTF-8";
  sink.write(samples::header());
  sink.write(made);
  std::istringstream lines(samples::read(folder.file()));  // on disk before the sink is closed
  std::string line;
  std::getline(lines, line);
  const auto header = nlohmann::json::parse(line);
  REQUIRE(header.at("schema") == "infoplane.run");
  REQUIRE(header.at("schema_version") == 1);
  REQUIRE(header.at("m") == 100);
  REQUIRE(header.at("temperature") == 0.037049475022);
  REQUIRE(header.at("config").at("lr") == 4e-3);
  std::getline(lines, line);
  const auto json = nlohmann::json::parse(line);
  REQUIRE(line.starts_with(R"({"step":50,"stream":"train","tokens":16384,)"));
  REQUIRE(json.at("loss") == "NaN");
  REQUIRE(json.at("mean").at("H(Z)") == 0.9);
  REQUIRE(json.at("layers").at(1).at("name") == "not \ufffd UTF-8");
  REQUIRE(json.at("layers").at(1).at("rejected") == 4);
  REQUIRE_FALSE(std::getline(lines, line));
  REQUIRE(sink.failures() == 0);
}

TEST_CASE("an old run is not lost by starting a new one", "[sinks]") {
  const samples::Folder folder;
  samples::write(folder.file(), "precious");
  REQUIRE_THROWS_MATCHES(opened<JsonLinesSink>(folder.file()), IoError,
                         Message("the run file " + folder.file() +
                                 " holds a run already (8 bytes): give the sink infoplane::OpenMode::kAppend to "
                                 "resume it, infoplane::OpenMode::kOverwrite to replace it, "
                                 "infoplane::OpenMode::kNewName to write beside it (" +
                                 folder.file("run-2.jsonl") + ", …), or another path"));
  REQUIRE(samples::read(folder.file()) == "precious");
  samples::write(folder.file("empty"), "");
  REQUIRE_NOTHROW(opened<JsonLinesSink>(folder.file("empty")));
  auto sink = opened<JsonLinesSink>(folder.file(), OpenMode::kOverwrite);
  sink.write(samples::header());
  REQUIRE(read_run_file(folder.file()).points.empty());
}

TEST_CASE("a path that cannot be written is an error at once", "[sinks]") {
  const samples::Folder folder;
  const auto missing = folder.file("no/such/folder/run.jsonl");
  REQUIRE_THROWS_MATCHES(
      opened<JsonLinesSink>(missing), IoError,
      Message("cannot open the run file " + missing + ": No such file or directory; create its folder first"));
  const auto directory = folder.file(".");
  REQUIRE_THROWS_MATCHES(
      opened<JsonLinesSink>(directory), IoError,
      Message("cannot open the run file " + directory + ": Is a directory; choose a path that this user may write"));
}

TEST_CASE("a file has one writer", "[sinks]") {
  const samples::Folder folder;
  auto sink = opened<JsonLinesSink>(folder.file());
  for (const auto mode : {OpenMode::kRefuse, OpenMode::kAppend, OpenMode::kOverwrite}) {
    REQUIRE_THROWS_MATCHES(opened<JsonLinesSink>(folder.file(), mode), IoError,
                           Message("the run file " + folder.file() +
                                   " is being written by another sink, in this process or in another: give each run "
                                   "its own file, and write it from one rank"));
  }
  JsonLinesSink moved(std::move(sink));
  moved.write(samples::header());
  moved.close();
  REQUIRE_NOTHROW(opened<JsonLinesSink>(folder.file(), OpenMode::kAppend));
}

TEST_CASE("a point needs its header first", "[sinks]") {
  const CaptureErrors errors;
  const samples::Folder folder;
  auto sink = opened<JsonLinesSink>(folder.file());
  sink.write(point(50));
  REQUIRE(sink.first_error() == "the point of step 50 came without a run header that fits " + folder.file() +
                                    ", which must be written first");
  sink.write(samples::header());
  sink.write(point(100));
  REQUIRE(read_run_file(folder.file()).points.size() == 1);
}

TEST_CASE("a full disk is counted and told once, and training goes on", "[sinks]") {
  const CaptureErrors errors;
  auto sink = opened<JsonLinesSink>("/dev/full");
  REQUIRE_NOTHROW(sink.write(samples::header()));
  for (int step = 0; step < 3; ++step) {
    REQUIRE_NOTHROW(sink.write(point(step)));
  }
  REQUIRE(sink.failures() == 4);
  REQUIRE(sink.first_error() == "cannot write the run file /dev/full: No space left on device; free some space");
  REQUIRE(errors.text() == "infoplane: the JSON lines sink /dev/full failed: " + sink.first_error() +
                               " (training goes on; further failures are counted, not told)\n");
}

TEST_CASE("a line that was written half is taken back", "[sinks]") {
  const CaptureErrors errors;
  const samples::Folder folder;
  auto sink = opened<JsonLinesSink>(folder.file());
  sink.write(samples::header());
  sink.write(point(0));
  const auto before = samples::read(folder.file());

  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &limit) == 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{before.size() + 20, limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  sink.write(point(50));
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, handler);

  REQUIRE(sink.failures() == 1);
  REQUIRE(samples::read(folder.file()) == before);
  sink.write(point(100));
  const auto run = read_run_file(folder.file());
  REQUIRE(run.points.size() == 2);
  REQUIRE(run.points[1].step == 100);
}

TEST_CASE("lines of two threads do not interleave", "[sinks]") {
  const samples::Folder folder;
  auto sink = opened<JsonLinesSink>(folder.file());
  sink.write(samples::header());
  const auto write = [&](const std::string& split) {
    for (int step = 0; step < 200; ++step) {
      sink.write(point(step, split));
    }
  };
  std::thread train(write, "train");
  std::thread heldout(write, "heldout");
  train.join();
  heldout.join();
  REQUIRE(sink.failures() == 0);
  const auto run = read_run_file(folder.file());
  for (const auto* split : {"train", "heldout"}) {
    const auto points = run.split(split);
    REQUIRE(points.size() == 200);
    for (int step = 0; step < 200; ++step) {
      REQUIRE(samples::same(points[static_cast<std::size_t>(step)], point(step, split)));
    }
  }
}
