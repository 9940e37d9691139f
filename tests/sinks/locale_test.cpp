#include <catch2/catch_test_macros.hpp>
#include <infoplane/report/figures.hpp>
#include <infoplane/report/plane_table.hpp>
#include <infoplane/runs/run_check.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/console_sink.hpp>
#include <infoplane/sinks/csv_sink.hpp>
#include <infoplane/sinks/html_sink.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <sstream>
#include <vector>

#include "core/odd_locale.hpp"
#include "report/made_run.hpp"
#include "sinks/opened.hpp"

using infoplane::OpenMode;

namespace {

infoplane::report::ReportRun large_run() {
  samples::Made made;
  made.points = 60;
  made.error = 0.01;
  auto run = samples::made_run(made);
  run.file.header.anchors = 1000;
  run.file.header.width = 4096;
  run.file.header.every = 12345;
  for (auto& point : run.file.points) {
    point.step *= 1000;
    point.tokens = 1234567;
    point.time = 12345.6789;
  }
  run.best_step = 1000000;
  return run;
}

/// All that is written of a run.
std::vector<std::string> written(const samples::Folder& folder) {
  const auto run = large_run();
  std::ostringstream console;
  {
    auto lines = opened<infoplane::JsonLinesSink>(folder.file("run.jsonl"), OpenMode::kOverwrite);
    auto table = opened<infoplane::CsvSink>(folder.file("run.csv"), OpenMode::kOverwrite);
    auto page = opened<infoplane::HtmlSink>(folder.file("run.html"));
    infoplane::ConsoleSink screen(infoplane::ConsoleSinkOptions().output(&console));
    for (infoplane::sinks::Sink* sink :
         std::initializer_list<infoplane::sinks::Sink*>{&lines, &table, &page, &screen}) {
      sink->write(run.file.header);
      for (const auto& point : run.file.points) {
        sink->write(point);
      }
      sink->close();
      REQUIRE(sink->failures() == 0);
    }
  }
  return {samples::read(folder.file("run.jsonl")),
          samples::read(folder.file("run.csv")),
          samples::read(folder.file("run.html")),
          console.str(),
          infoplane::report::plane_svg(run),
          infoplane::report::steps_svg(run),
          infoplane::report::layers_svg(run),
          infoplane::report::html_report({run}),
          infoplane::report::plane_table(run.file.points),
          infoplane::report::layer_table(run.file.points.back())};
}

}  // namespace

TEST_CASE("what sinks write, and what is read of it, is the same under every locale", "[sinks][locale]") {
  const samples::Folder folder;
  const auto plain = written(folder);
  const OddLocale odd;
  const auto here = written(folder);
  REQUIRE(here.size() == plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    CAPTURE(i);
    REQUIRE(here[i] == plain[i]);
  }
  const auto path = folder.file("run.jsonl");
  const auto run = infoplane::read_run_file(path);
  const auto expected = large_run().file;
  REQUIRE(run.points.size() == expected.points.size());
  for (std::size_t i = 0; i < run.points.size(); ++i) {
    REQUIRE(samples::same(run.points[i], expected.points[i]));
  }
  REQUIRE(infoplane::runs::check_run_file(path).empty());
  samples::write(path, plain[0] + "{\"step\":59001000}\n");
  REQUIRE(infoplane::runs::check_run_file(path).front().line == 122);
  auto other = large_run().file.header;
  other.width = 2048;
  REQUIRE(differing_fields(expected.header, other) == std::vector<std::string>{"d (4096 and 2048)"});
}
