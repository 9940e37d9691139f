#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/csv_sink.hpp>
#include <infoplane/sinks/html_sink.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <infoplane/sinks/sink.hpp>
#include <infoplane/sinks/tensor_board_sink.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "runs/samples.hpp"
#include "sinks/capture.hpp"

using Catch::Matchers::Equals;
using Catch::Matchers::MessageMatches;
using infoplane::plane::Point;
using infoplane::runs::RunHeader;
using infoplane::sinks::Sink;

namespace {

/// Throws on demand and remembers its calls.
class FakeSink final : public Sink {
 public:
  FakeSink() : Sink("the fake sink") {}
  FakeSink(FakeSink&&) noexcept = default;

  bool tells_opening = false, throw_when_opened = false;
  int throw_at_step = -1;
  bool throw_no_exception = false;
  std::vector<std::string> calls;

 protected:
  void open_output() override {
    if (throw_when_opened) {
      throw infoplane::IoError("no such folder");
    }
    if (tells_opening) {
      calls.emplace_back("open");
    }
  }
  void write_header(const RunHeader& header) override { calls.push_back("header " + header.run); }
  void write_point(const Point& point) override {
    if (point.step == throw_at_step) {
      if (throw_no_exception) {
        throw 42;
      }
      throw std::runtime_error("no space at step " + std::to_string(point.step));
    }
    calls.push_back("point " + std::to_string(point.step));
  }
  void flush_output() override { calls.emplace_back("flush"); }
  void close_output() override {
    calls.emplace_back("close");
    throw std::runtime_error("close failed");
  }
};

/// Notices when two calls are inside at the same time.
class CountingSink final : public Sink {
 public:
  CountingSink() : Sink("counting") {}
  int points = 0;  // not atomic: the front's lock is what makes it right
  bool inside = false, overlapped = false;

 protected:
  void write_header(const RunHeader&) override {}
  void write_point(const Point&) override {
    overlapped = overlapped || inside;
    inside = true;
    std::this_thread::yield();
    ++points;
    inside = false;
  }
};

}  // namespace

TEST_CASE("what a sink throws is counted, told once, and stops nothing", "[sinks]") {
  const CaptureErrors errors;
  FakeSink sink;
  sink.throw_at_step = 50;
  sink.write(samples::header());
  sink.write(samples::point(0));
  REQUIRE(sink.failures() == 0);
  REQUIRE(sink.first_error().empty());
  sink.write(samples::point(50));
  sink.throw_at_step = 100;
  sink.write(samples::point(100));
  sink.write(samples::point(150));
  REQUIRE(sink.calls == std::vector<std::string>{"header tiny-gpt", "point 0", "point 150"});
  REQUIRE(sink.failures() == 2);
  REQUIRE(sink.first_error() == "no space at step 50");
  REQUIRE(errors.text() ==
          "infoplane: the fake sink failed: no space at step 50 (training goes on; further failures are counted, not "
          "told)\n");
}

TEST_CASE("a thrown value that is no exception is counted as well", "[sinks]") {
  const CaptureErrors errors;
  FakeSink sink;
  sink.throw_at_step = 1;
  sink.throw_no_exception = true;
  sink.write(samples::point(1));
  REQUIRE(sink.failures() == 1);
  REQUIRE(sink.first_error() == "an exception that is no std::exception");
}

TEST_CASE("a sink closes once, even where closing fails, and takes nothing afterwards", "[sinks]") {
  const CaptureErrors errors;
  FakeSink sink;
  sink.flush();
  sink.close();
  sink.close();
  sink.flush();
  sink.write(samples::point(7));
  sink.write(samples::header());
  REQUIRE(sink.calls == std::vector<std::string>{"flush", "close"});
  REQUIRE(sink.failures() == 3);
  REQUIRE(sink.first_error() == "close failed");

  FakeSink moved_from;
  FakeSink target(std::move(moved_from));
  target.write(samples::point(1));
  REQUIRE(target.calls == std::vector<std::string>{"point 1"});
  moved_from.write(samples::point(2));  // NOLINT(bugprone-use-after-move): that it ignores calls is what is tested
  moved_from.close();
  REQUIRE(moved_from.failures() == 0);
  REQUIRE(moved_from.first_error().empty());
}

TEST_CASE("a sink opens once, when it is told to or with its first write", "[sinks]") {
  const CaptureErrors errors;
  FakeSink told;
  told.tells_opening = true;
  told.open();
  told.open();
  told.write(samples::header());
  REQUIRE(told.calls == std::vector<std::string>{"open", "header tiny-gpt"});

  FakeSink written;
  written.tells_opening = true;
  written.flush();
  written.write(samples::point(1));
  written.write(samples::point(2));
  REQUIRE(written.calls == std::vector<std::string>{"flush", "open", "point 1", "point 2"});

  FakeSink closed;
  closed.close();
  REQUIRE_THROWS_MATCHES(closed.open(), infoplane::StateError,
                         MessageMatches(Equals("the fake sink was opened after close(): make another one")));
}

TEST_CASE("what cannot be opened throws when it is told to, counts with a write, and is tried again", "[sinks]") {
  const CaptureErrors errors;
  FakeSink sink;
  sink.throw_when_opened = true;
  REQUIRE_THROWS_MATCHES(sink.open(), infoplane::IoError, MessageMatches(Equals("no such folder")));
  REQUIRE(sink.failures() == 0);
  sink.write(samples::point(1));
  REQUIRE(sink.failures() == 1);
  REQUIRE(sink.first_error() == "no such folder");
  sink.throw_when_opened = false;
  sink.write(samples::point(2));
  REQUIRE(sink.calls == std::vector<std::string>{"point 2"});
}

TEST_CASE("a sink that was only made touches no file", "[sinks]") {
  const samples::Folder folder;
  {
    infoplane::JsonLinesSink lines(folder.file("run.jsonl"));
    infoplane::CsvSink table(folder.file("run.csv"));
    infoplane::HtmlSink page(folder.file("run.html"));
    infoplane::TensorBoardSink events(folder.file("tb"));
    lines.close();
    table.flush();
  }
  REQUIRE(std::filesystem::is_empty(folder.file("")));

  infoplane::JsonLinesSink lines(folder.file(), infoplane::OpenMode::kNewName);
  samples::write(folder.file(), "there");
  REQUIRE(lines.path() == folder.file());
  lines.write(samples::header());
  REQUIRE(lines.path() == folder.file("run-2.jsonl"));
  REQUIRE(lines.name() == "the JSON lines sink " + folder.file("run-2.jsonl"));
}

TEST_CASE("calls of several threads reach the virtuals one at a time", "[sinks]") {
  CountingSink sink;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int step = 0; step < 500; ++step) {
        sink.write(samples::point(step));
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  REQUIRE(sink.points == 2000);
  REQUIRE_FALSE(sink.overlapped);
}
