#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/sinks/plane_table.hpp>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "sinks/series.hpp"

namespace infoplane::sinks {
namespace {

constexpr int kCell = 9;

struct Column {
  const char* heading;
  std::string key;  // empty: the loss
};

/// The gap to the IB curve only where a point has it.
std::vector<Column> coordinates(const std::string& order, std::span<const plane::Point> points) {
  std::vector<Column> columns{{"complexity", plane::complexity_key(order)},
                              {"expressivity", plane::expressivity_key(order)},
                              {"optimality", plane::optimality_key(order)},
                              {"distance", plane::distance_key(order)}};
  const auto gap = plane::curve_gap_key(order);
  if (std::any_of(points.begin(), points.end(), [&](const plane::Point& point) { return point.mean.contains(gap); })) {
    columns.push_back({"curve gap", gap});
  }
  return columns;
}

std::string number(double value) {
  return std::abs(value) < 1000 || !std::isfinite(value) ? fmt::format("{:.4f}", value) : fmt::format("{:.3g}", value);
}

std::string cell(const plane::Metrics& metrics, const std::string& key) {
  const auto found = metrics.find(key);
  return found == metrics.end() ? "-" : number(found->second);
}

void end_line(std::string& text) {
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
}

std::vector<std::int64_t> steps_of(const std::vector<plane::Point>& points, std::int64_t max_rows) {
  std::set<std::int64_t> distinct;
  for (const auto& point : points) {
    distinct.insert(point.step);
  }
  const std::vector<std::int64_t> all(distinct.begin(), distinct.end());
  const auto count = static_cast<std::int64_t>(all.size());
  if (max_rows == 0 || count <= max_rows) {
    return all;
  }
  std::vector<std::int64_t> chosen;
  for (std::int64_t row = 0; row < max_rows; ++row) {
    chosen.push_back(all[static_cast<std::size_t>(row * (count - 1) / (max_rows - 1))]);
  }
  return chosen;
}

}  // namespace

std::string plane_table(const std::vector<plane::Point>& points, const PlaneTableOptions& options) {
  INFOPLANE_CHECK(options.max_rows() == 0 || options.max_rows() >= 2, ArgumentError, "a table of at most ",
                  options.max_rows(), " rows cannot hold the first and the last step: give 0 for ",
                  "all, or at least 2");
  if (points.empty()) {
    return "no points\n";
  }
  const auto streams = streams_of(points, {"train", "heldout"});
  std::map<std::pair<std::int64_t, std::string>, const plane::Point*> found;
  for (const auto& point : points) {
    found.insert_or_assign({point.step, point.stream}, &point);
  }
  auto columns = coordinates(options.order(), points);
  columns.insert(columns.begin(), {"loss", ""});

  const auto group = std::max<std::size_t>(streams.size() * kCell, 12);
  auto text = fmt::format("{:>8}", "");
  for (const auto& column : columns) {
    text += fmt::format("  {:>{}}", column.heading, group);
  }
  end_line(text);
  auto line = fmt::format("{:>8}", "step");
  for (std::size_t column = 0; column < columns.size(); ++column) {
    std::string names;
    for (const auto& stream : streams) {
      names += fmt::format("{:>{}.{}}", stream, kCell, kCell - 1);
    }
    line += fmt::format("  {:>{}}", names, group);
  }
  text += line;
  end_line(text);
  for (const auto step : steps_of(points, options.max_rows())) {
    line = fmt::format("{:>8}", step);
    for (const auto& column : columns) {
      std::string cells;
      for (const auto& stream : streams) {
        const auto point = found.find({step, stream});
        std::string value = "-";
        if (point != found.end()) {
          value = column.key.empty() ? number(point->second->loss) : cell(point->second->mean, column.key);
        }
        cells += fmt::format("{:>{}}", value, kCell);
      }
      line += fmt::format("  {:>{}}", cells, group);
    }
    text += line + "\n";
  }
  return text;
}

std::string layer_table(const plane::Point& point, const PlaneTableOptions& options) {
  constexpr const char* kMean = "mean over blocks";
  std::size_t width = std::string_view(kMean).size();
  for (const auto& layer : point.layers) {
    width = std::max(width, layer.name.size());
  }
  const auto columns = coordinates(options.order(), {&point, 1});
  auto text =
      fmt::format("{}, step {}, {}, as efficiencies (nats / log m)\n", point.stream, point.step, options.order());
  const auto row = [&](const std::string& name, const plane::Metrics& metrics, const std::string& tokens) {
    text += fmt::format("{:<{}}", name, width);
    for (const auto& column : columns) {
      text += fmt::format("  {:>12}", cell(metrics, column.key));
    }
    text += fmt::format("  {:>8}  {:>8}", cell(metrics, "H(Z)"), tokens);
    end_line(text);
  };
  text += fmt::format("{:<{}}", "layer", width);
  for (const auto& column : columns) {
    text += fmt::format("  {:>12}", column.heading);
  }
  text += fmt::format("  {:>8}  {:>8}\n", "H(Z)", "tokens");
  for (const auto& layer : point.layers) {
    row(layer.name, layer.metrics, fmt::format("{}", layer.tokens));
  }
  row(kMean, point.mean, "");
  return text;
}

}  // namespace infoplane::sinks
