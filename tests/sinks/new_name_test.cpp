#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/csv_sink.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <set>
#include <thread>
#include <vector>

#include "runs/samples.hpp"
#include "sinks/new_name.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::Message;
using infoplane::CsvSink;
using infoplane::IoError;
using infoplane::JsonLinesSink;
using infoplane::OpenMode;
using infoplane::sinks::numbered_name;

TEST_CASE("a second, third and fourth start with new names leave the runs before them alone", "[sinks]") {
  const samples::Folder folder;
  std::vector<std::string> paths;
  for (int i = 0; i < 4; ++i) {
    auto header = samples::header();
    header.run = "start " + std::to_string(i);
    auto sink = opened<JsonLinesSink>(folder.file(), OpenMode::kNewName);
    sink.write(header);
    paths.push_back(sink.path());
    REQUIRE(sink.name() == "the JSON lines sink " + sink.path());
  }
  REQUIRE(paths == std::vector<std::string>{folder.file("run.jsonl"), folder.file("run-2.jsonl"),
                                            folder.file("run-3.jsonl"), folder.file("run-4.jsonl")});
  for (std::size_t i = 0; i < paths.size(); ++i) {
    REQUIRE(infoplane::read_run_file(paths[i]).header.run == "start " + std::to_string(i));
  }
}

TEST_CASE("a gap in the names is taken, whatever the file in front of it is", "[sinks]") {
  const samples::Folder folder;
  samples::write(folder.file("t.csv"), "precious");
  samples::write(folder.file("t-2.csv"), "");  // another start that has not written yet
  std::filesystem::create_symlink(folder.file("nowhere"), folder.file("t-3.csv"));
  samples::write(folder.file("t-5.csv"), "precious");
  const auto sink = opened<CsvSink>(folder.file("t.csv"), OpenMode::kNewName);
  REQUIRE(sink.path() == folder.file("t-4.csv"));
  const auto next = opened<CsvSink>(folder.file("t.csv"), OpenMode::kNewName);
  REQUIRE(next.path() == folder.file("t-6.csv"));
  REQUIRE(samples::read(folder.file("t.csv")) == "precious");
  REQUIRE_FALSE(std::filesystem::exists(folder.file("nowhere")));
}

TEST_CASE("the number stands before the extension, and only there", "[sinks]") {
  REQUIRE(numbered_name("run.jsonl", 2) == "run-2.jsonl");
  REQUIRE(numbered_name("runs.d/run", 10) == "runs.d/run-10");
  REQUIRE(numbered_name("/a/.hidden", 2) == "/a/.hidden-2");
  REQUIRE(numbered_name("run.v1.jsonl", 3) == "run.v1-3.jsonl");
}

TEST_CASE("starts at the same time get a name each", "[sinks]") {
  const samples::Folder folder;
  constexpr int kStarts = 16;
  std::vector<std::string> paths(kStarts);
  std::vector<std::thread> starts;
  for (auto& path : paths) {
    starts.emplace_back([&folder, &path] {
      auto sink = opened<JsonLinesSink>(folder.file(), OpenMode::kNewName);
      sink.write(samples::header());
      path = sink.path();
    });
  }
  for (auto& start : starts) {
    start.join();
  }
  REQUIRE(std::set<std::string>(paths.begin(), paths.end()).size() == kStarts);
  for (const auto& path : paths) {
    REQUIRE(infoplane::read_run_file(path).header.run == "tiny-gpt");
  }
}

TEST_CASE("a pipe and a device are written themselves, and a folder is an error", "[sinks]") {
  const samples::Folder folder;
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  const int reader = ::open(folder.file("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(opened<JsonLinesSink>(folder.file("pipe"), OpenMode::kNewName).path() == folder.file("pipe"));
  ::close(reader);
  REQUIRE(opened<JsonLinesSink>("/dev/null", OpenMode::kNewName).path() == "/dev/null");
  REQUIRE_FALSE(std::filesystem::exists("/dev/null-2"));
  REQUIRE_THROWS_MATCHES(opened<JsonLinesSink>(folder.file("."), OpenMode::kNewName), IoError,
                         Message("cannot open the run file " + folder.file(".") +
                                 ": Is a directory; choose a path that this user may write"));
  REQUIRE_THROWS_MATCHES(opened<JsonLinesSink>(folder.file("no/run.jsonl"), OpenMode::kNewName), IoError,
                         Message("cannot open the run file " + folder.file("no/run.jsonl") +
                                 ": No such file or directory; create its folder first"));
}

namespace {

struct Advice {
  const char* words;
  OpenMode mode;
};

}  // namespace

// A mode and the words that the error of a second start prints for it.
#define INFOPLANE_TEST_ADVICE(mode) \
  Advice { #mode, mode }

TEST_CASE("the advice to a second start compiles as it is printed, and works", "[sinks]") {
  for (const Advice& advice :
       {INFOPLANE_TEST_ADVICE(infoplane::OpenMode::kAppend), INFOPLANE_TEST_ADVICE(infoplane::OpenMode::kOverwrite),
        INFOPLANE_TEST_ADVICE(infoplane::OpenMode::kNewName)}) {
    const samples::Folder folder;
    { opened<JsonLinesSink>(folder.file()).write(samples::header()); }
    { opened<CsvSink>(folder.file("run.csv")).write(samples::point(0)); }
    CAPTURE(advice.words);
    try {
      auto second = opened<JsonLinesSink>(folder.file());
      FAIL("a second start is accepted");
    } catch (const IoError& error) {
      REQUIRE(std::string(error.what()).find(advice.words) != std::string::npos);
    }
    try {
      auto second = opened<CsvSink>(folder.file("run.csv"));
      FAIL("a second start is accepted");
    } catch (const IoError& error) {
      REQUIRE(std::string(error.what()).find(advice.words) != std::string::npos);
    }
    REQUIRE_NOTHROW(opened<JsonLinesSink>(folder.file(), advice.mode));
    REQUIRE_NOTHROW(opened<CsvSink>(folder.file("run.csv"), advice.mode));
  }
}
