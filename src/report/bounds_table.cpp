#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/shown_metric.hpp>
#include <infoplane/report/bounds_table.hpp>
#include <utility>
#include <vector>

#include "core/text.hpp"
#include "report/words.hpp"
#include "runs/series.hpp"

namespace infoplane::report {
namespace {

struct Column {
  std::string heading;
  std::string key;    // of the value
  std::string error;  // of its error
};

std::string cell(const plane::Metrics& metrics, const Column& column) {
  const double value = plane::value_at(metrics, column.key), error = plane::value_at(metrics, column.error);
  if (!std::isfinite(value)) {
    return "-";
  }
  return std::isfinite(error) ? fmt::format("{:.3f} ±{:.3f}", value, error) : fmt::format("{:.3f}", value);
}

/// Those that a point has.
std::vector<Column> columns_of(const runs::Points& points, const std::vector<plane::Point>& all,
                               const std::string& order) {
  const std::pair<const char*, std::string> kAll[] = {
      {"about X", plane::complexity_key(order)},       {"about Y", plane::expressivity_key(order)},
      {"Y / X (paper)", plane::optimality_key(order)}, {"context", plane::context_key()},
      {"Y / context", plane::output_share_key(order)}, {"Y through X / X", plane::optimality_through_key(order)},
      {"efficiency", plane::efficiency_key(order)},    {"predicted", plane::predicted_key(order)},
  };
  std::vector<Column> columns;
  for (const auto& [heading, key] : kAll) {
    const auto shown = plane::shown_metric(key, all);
    if (std::any_of(points.begin(), points.end(),
                    [&](const plane::Point* each) { return each->mean.contains(shown.key); })) {
      columns.push_back({shown.label(heading), shown.key, plane::error_key(shown.key)});
    }
  }
  return columns;
}

}  // namespace

std::string bounds_table(const runs::RunFile& run, const PlaneTableOptions& options) {
  INFOPLANE_CHECK(options.max_rows() == 0 || options.max_rows() >= 2, ArgumentError, "a table of at most ",
                  options.max_rows(), " rows cannot hold the first and the last step: give 0 for all, or at least 2");
  const auto split = runs::main_split(run.points), order = runs::order_of(run.points, options.order());
  auto points = runs::points_of(run.points, split);
  if (points.empty()) {
    return "no points\n";
  }
  points = options.max_rows() > 0 ? runs::thinned(points, static_cast<std::size_t>(options.max_rows())) : points;
  const auto columns = columns_of(points, run.points, order);
  const auto width = [](const Column& column) { return std::max<std::size_t>(14, text::columns(column.heading)); };
  auto table = fmt::format("{}, {}, mean over the blocks, as efficiencies (nats / log m)\n{:>8}  {:>8}",
                           text::printable(split), text::printable(Words(order).heading), "step", "loss");
  for (const auto& column : columns) {
    table += "  " + text::padded_left(column.heading, width(column));
  }
  table += '\n';
  for (const auto* point : points) {
    table +=
        fmt::format("{:>8}  {:>8}", point->step, std::isfinite(point->loss) ? fmt::format("{:.4f}", point->loss) : "-");
    for (const auto& column : columns) {
      table += "  " + text::padded_left(cell(point->mean, column), width(column));
    }
    table += '\n';
  }
  return table;
}

}  // namespace infoplane::report
