#include "cli/load.hpp"

#include <fmt/format.h>

#include <infoplane/core/error.hpp>
#include <ostream>
#include <set>
#include <system_error>

#include "core/whole_file.hpp"

namespace infoplane::cli {
namespace {

/// More than a figure shows, less than a long run of many layers has.
const auto kFewLayers = sinks::RunFileOptions().max_layer_points(400);

/// Where the rule would have ended the run, and what it says.
void replay(sinks::ReportRun& run, EarlyStoppingOptions rule) {
  const auto& points = run.file.points;
  if (rule.stream().empty()) {
    const bool heldout = !run.file.stream("heldout").empty();
    rule.stream(heldout || points.empty() ? "heldout" : points.front().stream);
  }
  EarlyStopping stopping(rule);
  std::int64_t last_step = -1;
  for (const auto& point : points) {
    if (point.stream != rule.stream() || point.step <= last_step) {  // the rule takes no step twice; check tells of it
      continue;
    }
    last_step = point.step;
    if (!point.mean.contains(rule.monitor())) {
      return;  // the run does not measure what the rule asks for
    }
    if (stopping.update(point)) {
      break;
    }
  }
  if (stopping.stopped()) {
    run.stop_step = stopping.stopped_step();
    run.verdict = fmt::format("A stopping rule (patience {}, min_delta {:g}) ends the run at step {}: {}.",
                              rule.patience(), rule.min_delta(), stopping.stopped_step(), stopping.message());
  }
}

}  // namespace

sinks::ReportRun load_run(const std::string& path, const EarlyStoppingOptions& rule) {
  sinks::ReportRun run;
  run.file = sinks::read_run_file(path, kFewLayers);
  run.source = path;
  replay(run, rule);
  return run;
}

std::vector<sinks::RunFile> read_runs(const std::vector<std::string>& paths) {
  std::vector<sinks::RunFile> runs;
  for (const auto& path : paths) {
    runs.push_back(sinks::read_run_file(path, kFewLayers));
  }
  return runs;
}

std::vector<std::string> run_names(const std::vector<sinks::RunFile>& runs, const std::vector<std::string>& paths) {
  std::set<std::string> names;
  for (const auto& run : runs) {
    names.insert(run.header.run);
  }
  if (names.size() < runs.size() || names.contains("")) {
    return paths;
  }
  std::vector<std::string> in_order;
  for (const auto& run : runs) {
    in_order.push_back(run.header.run);
  }
  return in_order;
}

void write_text(const std::string& path, const std::string& text, std::ostream& out) {
  if (path == "-") {
    out << text;
    return;
  }
  const int error = write_whole_file(path, text);  // a reader never sees half a page
  INFOPLANE_CHECK(error == 0, IoError, "cannot write ", path, ": ", std::generic_category().message(error),
                  "; give another path with --output");
}

}  // namespace infoplane::cli
