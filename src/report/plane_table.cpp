#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/report/plane_table.hpp>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "core/text.hpp"
#include "report/words.hpp"
#include "runs/series.hpp"

namespace infoplane::report {
namespace {

constexpr int kCell = 9;

struct Column {
  std::string heading;
  std::string key;  // empty: the loss
};

/// The context and the gaps to the IB curve only where a point has them. `shown` chooses the value of a metric.
template <typename Shown>
std::vector<Column> coordinates(const std::string& called, std::span<const plane::Point> points, const Shown& shown) {
  const auto order = runs::order_of(points, called);
  const Words words(order);
  std::vector<Column> columns;
  const auto add = [&](const char* name, const std::string& key) {
    auto metric = shown(key);
    columns.push_back({metric.label(name), std::move(metric.key)});
  };
  add(words.is_text ? "complexity" : "context", plane::complexity_key(order));
  if (words.has_output) {
    add("expressivity", plane::expressivity_key(order));
    add(words.is_text ? "optimality" : "share", plane::optimality_key(order));
    add("distance", plane::distance_key(order));
  }
  if (!words.is_text) {
    return columns;
  }
  const auto add_where_there = [&](const char* name, const std::string& key) {
    if (std::any_of(points.begin(), points.end(), [&](const plane::Point& each) { return each.mean.contains(key); })) {
      add(name, key);
    }
  };
  add_where_there("context", plane::context_key());
  add_where_there("bound gap", plane::bound_gap_key(order));
  add_where_there("curve gap", plane::curve_gap_key(order));
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
  const auto splits = runs::splits_of(points, {"train", "heldout"});
  std::map<std::pair<std::int64_t, std::string>, const plane::Point*> found;
  for (const auto& point : points) {
    found.insert_or_assign({point.step, point.split}, &point);
  }
  auto columns =
      coordinates(options.order(), points, [&](const std::string& key) { return plane::shown_metric(key, points); });
  columns.insert(columns.begin(), {"loss", ""});

  const auto width = [&](const Column& column) {
    return std::max<std::size_t>({splits.size() * kCell, 12, column.heading.size()});
  };
  auto table = fmt::format("{:>8}", "");
  for (const auto& column : columns) {
    table += fmt::format("  {:>{}}", column.heading, width(column));
  }
  end_line(table);
  std::string names;
  for (const auto& split : splits) {
    names += text::padded_left(text::fitted(text::printable(split), kCell - 1), kCell);
  }
  table += fmt::format("{:>8}", "step");
  for (const auto& column : columns) {
    table += "  " + text::padded_left(names, width(column));
  }
  end_line(table);
  for (const auto step : steps_of(points, options.max_rows())) {
    table += fmt::format("{:>8}", step);
    for (const auto& column : columns) {
      std::string cells;
      for (const auto& split : splits) {
        const auto point = found.find({step, split});
        std::string value = "-";
        if (point != found.end()) {
          value = column.key.empty() ? number(point->second->loss) : cell(point->second->mean, column.key);
        }
        cells += fmt::format("{:>{}}", value, kCell);
      }
      table += fmt::format("  {:>{}}", cells, width(column));
    }
    table += '\n';
  }
  return table;
}

std::string layer_table(const plane::Point& point, const PlaneTableOptions& options) {
  constexpr const char* kMean = "mean over blocks";
  std::size_t width = std::string_view(kMean).size();
  std::vector<std::string> names;
  for (const auto& layer : point.layers) {
    names.push_back(text::printable(layer.name));
    width = std::max(width, text::columns(names.back()));
  }
  const auto shown = [&](const std::string& key) { return plane::shown_metric(key, point); };
  const auto columns = coordinates(options.order(), {&point, 1}, shown);
  const auto entropy = shown("H(Z)");
  const auto heading = entropy.label("H(Z)");
  const auto size = [](std::size_t least, const std::string& name) { return std::max(least, name.size()); };
  auto table = fmt::format("{}, step {}, {}, as efficiencies (nats / log m)\n", text::printable(point.split),
                           point.step, text::printable(Words(runs::order_of({&point, 1}, options.order())).name));
  const auto row = [&](const std::string& name, const plane::Metrics& metrics, const std::string& tokens) {
    table += text::padded(name, width);
    for (const auto& column : columns) {
      table += fmt::format("  {:>{}}", cell(metrics, column.key), size(12, column.heading));
    }
    table += fmt::format("  {:>{}}  {:>8}", cell(metrics, entropy.key), size(8, heading), tokens);
    end_line(table);
  };
  table += text::padded("layer", width);
  for (const auto& column : columns) {
    table += fmt::format("  {:>{}}", column.heading, size(12, column.heading));
  }
  table += fmt::format("  {:>8}  {:>8}\n", heading, "tokens");
  for (std::size_t i = 0; i < names.size(); ++i) {
    row(names[i], point.layers[i].metrics, fmt::format("{}", point.layers[i].tokens));
  }
  row(kMean, point.mean, "");
  return table;
}

}  // namespace infoplane::report
