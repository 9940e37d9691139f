#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <chrono>
#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/html_sink.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <limits>
#include <thread>

#include "report/made_run.hpp"
#include "report/markup.hpp"
#include "sinks/capture.hpp"
#include "sinks/opened.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::ArgumentError;
using infoplane::HtmlSink;
using infoplane::HtmlSinkOptions;
using infoplane::IoError;
using infoplane::OpenMode;
using infoplane::report::html_report;
using infoplane::sinks::Sink;
using samples::count;
using samples::made_run;

namespace {

constexpr const char* kTrains = "The run still trains; this page loads itself again every";

void write(Sink& sink, const infoplane::runs::RunFile& run, std::size_t from = 0) {
  sink.write(run.header);
  for (auto i = from; i < run.points.size(); ++i) {
    sink.write(run.points[i]);
  }
}

}  // namespace

TEST_CASE("the page is there from the start, and ends as the report of the run", "[sinks]") {
  const samples::Folder folder;
  const auto path = folder.file("run.html");
  auto run = made_run();
  run.source.clear();  // a sink knows no run file
  {
    auto sink = opened<HtmlSink>(path);
    const auto first = samples::read(path);
    REQUIRE(samples::markup_error(first).empty());
    REQUIRE_THAT(first, ContainsSubstring("The run has no measurement yet.") && ContainsSubstring(kTrains) &&
                            ContainsSubstring("<meta http-equiv=\"refresh\" content=\"30\">"));
    write(sink, run.file);
    sink.flush();
    const auto page = samples::read(path);
    REQUIRE(samples::markup_error(page).empty());
    REQUIRE_THAT(page, ContainsSubstring(kTrains) && ContainsSubstring("blocks.0, step 1000|"));
    REQUIRE(sink.failures() == 0);
  }
  REQUIRE(samples::read(path) == html_report({run}));
  REQUIRE_FALSE(std::filesystem::exists(path + ".part"));
}

TEST_CASE("the page is drawn no more often than asked for", "[sinks]") {
  const samples::Folder folder;
  const auto path = folder.file("run.html");
  const auto run = made_run();
  const auto last = [&] { return count(samples::read(path), "step 1000|") > 0; };
  {
    auto sink = opened<HtmlSink>(path, HtmlSinkOptions().seconds(3600));
    write(sink, run.file);
    REQUIRE_FALSE(last());
    sink.flush();
    REQUIRE(last());
  }
  auto sink = opened<HtmlSink>(path, HtmlSinkOptions().seconds(0).points(40));
  sink.write(run.file.header);
  const auto drawn = [&] { return count(samples::read(path), "data-kind=\"plane\"") > 0; };
  std::int64_t points = 0;
  const auto write_point = [&] { sink.write(samples::point(points++)); };
  while (points < 39) {
    write_point();
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  REQUIRE_FALSE(drawn());
  for (int wait = 0; wait < 200 && !drawn(); ++wait) {  // until drawing has been 1 % of the time again
    write_point();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  REQUIRE(drawn());
}

TEST_CASE("drawing takes a hundredth of the time at most", "[sinks]") {
  const samples::Folder folder;
  auto sink = opened<HtmlSink>(folder.file("run.html"), HtmlSinkOptions().seconds(0));
  const auto run = made_run();
  sink.write(run.file.header);
  const auto start = std::chrono::steady_clock::now();
  int pages = 0;
  auto before = samples::read(folder.file("run.html")).size();
  std::chrono::duration<double> passed{0};
  for (std::int64_t step = 0; passed.count() < 0.3; ++step) {
    sink.write(samples::point(step));
    const auto size = samples::read(folder.file("run.html")).size();
    pages += size != before ? 1 : 0;
    before = size;
    passed = std::chrono::steady_clock::now() - start;
  }
  REQUIRE(pages <= 10);  // a page takes more than 0.3 ms
}

TEST_CASE("a long run keeps few layers, the last among them", "[sinks]") {
  const samples::Folder folder;
  const auto path = folder.file("run.html");
  samples::Made longer;
  longer.points = 1500;
  auto run = made_run(longer);
  {
    auto sink = opened<HtmlSink>(path, HtmlSinkOptions().seconds(3600).title("long"));
    write(sink, run.file);
  }
  const auto page = samples::read(path);
  REQUIRE(samples::markup_error(page).empty());
  REQUIRE_THAT(page, ContainsSubstring("<h1>long</h1>") && ContainsSubstring("blocks.0, step 74950|"));
  REQUIRE(count(page, "data-t=\"blocks.0") < 500);
}

TEST_CASE("a resumed run goes on from its run file", "[sinks]") {
  const samples::Folder folder;
  const auto run = made_run();
  {
    auto lines = opened<infoplane::JsonLinesSink>(folder.file());
    write(lines, run.file);
  }
  {
    auto sink = opened<HtmlSink>(folder.file("run.html"), HtmlSinkOptions().run_file(folder.file()));
    REQUIRE_THAT(samples::read(folder.file("run.html")), ContainsSubstring("blocks.0, step 1000|"));
    write(sink, run.file, 30);  // from step 750 on
    auto other = run.file.header;
    other.anchors = 50;
    const CaptureErrors errors;
    sink.write(other);
    REQUIRE_THAT(errors.text(), ContainsSubstring("the run was resumed with other settings: m (100 and 50)"));
  }
  const auto page = samples::read(folder.file("run.html"));
  REQUIRE_THAT(page, ContainsSubstring("The run was resumed 1 time."));
  REQUIRE_THAT(page, ContainsSubstring("21 times on held-out text"));
  REQUIRE_THROWS_AS(opened<HtmlSink>(folder.file("b.html"), HtmlSinkOptions().run_file(folder.file("none"))), IoError);
}

TEST_CASE("a curve that is given is drawn", "[sinks]") {
  const samples::Folder folder;
  const auto run = made_run();
  {
    auto sink = opened<HtmlSink>(folder.file("run.html"),
                                 HtmlSinkOptions().curves({{"unigram", {{0, 0}, {0.2, 0.12}, {0.4, 0.15}}}}));
    write(sink, run.file);
  }
  REQUIRE(count(samples::read(folder.file("run.html")), ">IB curve</text>") == 2);
}

TEST_CASE("a page that cannot be written at the start is an error", "[sinks]") {
  const samples::Folder folder;
  REQUIRE_THROWS_MATCHES(opened<HtmlSink>(folder.file("no/folder.html")), IoError,
                         MessageMatches(ContainsSubstring("no/folder.html cannot be written: No such file or "
                                                          "directory")));
  samples::write(folder.file(), "{\"schema\":\"infoplane.run\"}\n");
  REQUIRE_THROWS_MATCHES(opened<HtmlSink>(folder.file()), IoError,
                         Message(folder.file() + " is there and is no page: give another path, or remove it"));
  REQUIRE(samples::read(folder.file()) == "{\"schema\":\"infoplane.run\"}\n");
  const auto path = folder.file("run.html");
  REQUIRE_THROWS_MATCHES(opened<HtmlSink>(path, HtmlSinkOptions().seconds(-1)), ArgumentError,
                         Message("a page was to be drawn every -1 seconds: give 0 or more"));
  REQUIRE_THROWS_AS(opened<HtmlSink>(path, HtmlSinkOptions().seconds(std::numeric_limits<double>::quiet_NaN())),
                    ArgumentError);
  REQUIRE_THROWS_MATCHES(opened<HtmlSink>(path, HtmlSinkOptions().points(0)), ArgumentError,
                         Message("a page was to be drawn every 0 points: give at least 1"));
  REQUIRE_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a page that cannot be written later is told once, and drawn again when it can be", "[sinks]") {
  const samples::Folder folder;
  std::filesystem::create_directory(folder.file("pages"));
  const auto path = folder.file("pages/run.html");
  const auto run = made_run();
  auto sink = opened<HtmlSink>(path, HtmlSinkOptions().seconds(3600));
  sink.write(run.file.header);
  std::filesystem::remove_all(folder.file("pages"));
  const CaptureErrors errors;
  for (const auto& point : run.file.points) {
    sink.write(point);
    sink.flush();
  }
  REQUIRE(sink.failures() == 42);
  REQUIRE(count(errors.text(), "\n") == 1);
  REQUIRE_THAT(errors.text(), ContainsSubstring("cannot be written: No such file or directory; it is tried again"));
  std::filesystem::create_directory(folder.file("pages"));
  sink.flush();
  REQUIRE_THAT(samples::read(path), ContainsSubstring("blocks.0, step 1000|"));  // nothing is lost
}

TEST_CASE("a moved sink goes on, and what it was moved from stays silent", "[sinks]") {
  const samples::Folder folder;
  const auto path = folder.file("run.html");
  const auto run = made_run();
  {
    auto first = opened<HtmlSink>(path);
    HtmlSink second(std::move(first));
    first.write(run.file.header);  // NOLINT(bugprone-use-after-move): it takes calls and ignores them
    first.flush();
    write(second, run.file);
    REQUIRE(second.failures() == 0);
  }
  REQUIRE_THAT(samples::read(path), ContainsSubstring("blocks.0, step 1000|"));
}
