#include "cli/load.hpp"
#include "runs/series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/core/write_file.hpp>
#include <infoplane/plane/curve_gap.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <ostream>
#include <set>

namespace infoplane::cli {
namespace {

/// More than a figure shows, less than a long run of many layers has.
const auto kFewLayers = runs::RunFileOptions().max_layer_points(400);

/// A rule to replay, and what it is called.
struct Replayed {
  EarlyStoppingOptions options;
  std::string name;
};

/// Whether a point has every metric that the rule looks at; a point always has a loss, which is enough for the default
/// rule.
bool measures(const plane::Point& point, const EarlyStoppingOptions& options) {
  if (!options.names_monitor()) {
    return true;
  }
  const auto criteria = options.criteria();
  return std::all_of(criteria.begin(), criteria.end(), [&](const callbacks::Criterion& criterion) {
    return criterion.monitor() == "loss" || point.mean.contains(criterion.monitor());
  });
}

Replayed rule_for(const runs::RunFile& run, const Rule& rule) {
  Replayed replayed{EarlyStopping::compression(), "EarlyStopping::compression()"};
  auto& [options, name] = replayed;
  const bool measured = std::any_of(run.points.begin(), run.points.end(), [&, &wanted = options](const auto& point) {
    return point.split == wanted.split() && measures(point, wanted) && std::isfinite(point.loss);
  });
  if (!measured || rule.patience || rule.min_delta) {
    const bool heldout = std::any_of(run.points.begin(), run.points.end(),
                                     [](const plane::Point& point) { return point.split == "heldout"; });
    options = EarlyStoppingOptions().split(heldout || run.points.empty() ? "heldout" : run.points.front().split);
    name = "The default stopping rule";
  }
  if (rule.patience || rule.min_delta) {  // asked for, so it decides by itself, on what the default rule watches
    const auto has = [&](const std::string& key) {
      return std::any_of(run.points.begin(), run.points.end(),
                         [&](const plane::Point& point) { return point.mean.contains(key); });
    };
    const auto order = runs::order_of(run.points, "unigram");
    const auto distance = order == plane::output_set("") ? plane::context_key() : plane::distance_key(order);
    const auto corrected = plane::corrected_key(distance);
    options
        .monitor(has(callbacks::kDefaultMonitor) ? callbacks::kDefaultMonitor
                 : has(corrected)                ? corrected
                                                 : distance)
        .patience(rule.patience.value_or(options.patience()))
        .min_delta(rule.min_delta.value_or(options.min_delta()));
    name = fmt::format("A stopping rule (patience {}, min_delta {:g})", options.patience(), options.min_delta());
  }
  options.start_from_step(rule.start_from_step.value_or(options.start_from_step()));
  options.strict(false);  // a key that is missing does not decide
  return replayed;
}

/// Where the rule would have ended the run, and what it says.
void replay(report::ReportRun& run, const Rule& rule) {
  const auto [options, name] = rule_for(run.file, rule);
  EarlyStopping stopping(options);
  std::int64_t last_step = -1;
  for (const auto& point : run.file.points) {
    if (point.split != options.split() || point.step <= last_step) {  // takes no step twice; check tells of it
      continue;
    }
    last_step = point.step;
    if (!measures(point, options)) {
      return;  // the run does not measure what the rule asks for
    }
    stopping.update(point);  // changes nothing behind the end
  }
  if (!stopping.stopped() || stopping.stopped_step() == last_step) {
    run.best_step = stopping.best_step() >= 0 ? std::optional(stopping.best_step()) : std::nullopt;
  }
  if (stopping.stopped()) {
    run.stop_step = stopping.stopped_step();
    run.verdict = fmt::format("{} ends the run at step {}: {}.", name, stopping.stopped_step(), stopping.message());
  }
}

/// A run that knew its curve has the gaps; another is given them, unless it is too long to have all its layers here.
void add_curve(report::ReportRun& run, const std::string& order, const bound::IbCurve& curve) {
  auto& [file, source, best, stop, verdict, phases, curves] = run;
  curves.push_back(report::report_curve(order, curve, file.header.anchors));
  const bool known = std::any_of(file.points.begin(), file.points.end(), [&](const plane::Point& point) {
    return point.mean.contains(plane::curve_gap_key(order)) || point.layers.empty();
  });
  for (auto& point : file.points) {
    if (!known) {
      plane::add_curve_gap(point, order, curve, file.header.anchors);
    }
  }
}

}  // namespace

CurveFile::CurveFile(const std::string& argument) : path(argument) {
  const auto at = argument.find('=');
  const auto before = argument.substr(0, at);
  if (at != std::string::npos && !before.empty() && before.find_first_of("./") == std::string::npos) {
    order = before;
    path = argument.substr(at + 1);
  }
}

report::ReportRun load_run(const std::string& path, const Rule& rule, const std::vector<CurveFile>& curves) {
  report::ReportRun run;
  run.file = runs::read_run_file(path, kFewLayers);
  run.source = path;
  replay(run, rule);
  for (const auto& curve : curves) {
    add_curve(run, curve.order, bound::IbCurve::load(curve.path));
  }
  return run;
}

std::vector<runs::RunFile> read_runs(const std::vector<std::string>& paths) {
  std::vector<runs::RunFile> runs;
  runs.reserve(paths.size());
  for (const auto& path : paths) {
    runs.push_back(runs::read_run_file(path, kFewLayers));
  }
  return runs;
}

std::vector<std::string> run_names(const std::vector<runs::RunFile>& runs, const std::vector<std::string>& paths) {
  std::set<std::string> names;
  for (const auto& run : runs) {
    names.insert(run.header.run);
  }
  if (names.size() < runs.size() || names.contains("")) {
    return paths;
  }
  std::vector<std::string> in_order;
  in_order.reserve(runs.size());
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
  try {
    write_file(path, text);
  } catch (const IoError& error) {
    INFOPLANE_THROW(IoError, error.what(), "; give another path with --output");
  }
}

}  // namespace infoplane::cli
