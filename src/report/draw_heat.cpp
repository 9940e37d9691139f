#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.hpp"
#include "report/draw.hpp"
#include "report/words.hpp"

namespace infoplane::report {
namespace {

using svg::at;

constexpr double kWidth = 900, kLeft = 120, kRight = 890, kTop = 34;
constexpr std::size_t kMostCells = 6000;
constexpr std::size_t kNameLength = 17;

/// The end of a long name says more than its start.
std::string short_name(const std::string& name) {
  return text::shortened(text::valid_utf8(name), kNameLength, text::Keep::kEnd);
}

std::string cells(const std::vector<double>& row, const HeatMap& map, const svg::Scale& x, double y, double height) {
  const svg::Scale position{map.extent.low, map.extent.high, 0, 1};
  const auto color = [&](double value) {
    return std::isfinite(value) ? fmt::format("q{}", svg::heat_color(position(value))) : std::string("none");
  };
  std::string out;
  for (std::size_t i = 0; i < row.size();) {
    const auto start = i;
    const auto shown = color(row[i]);
    while (i < row.size() && color(row[i]) == shown) {
      ++i;
    }
    const auto from = x(static_cast<double>(start)), to = x(static_cast<double>(i));
    out += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>", shown, at(from), at(y),
                       at(to - from + 0.3), at(height));
  }
  return out;
}

std::string color_bar(const HeatMap& map) {
  const auto width = 9.0;
  const auto start = kRight - svg::kHeatColors * width - 60;
  std::string out =
      fmt::format("<text class=\"s e\" x=\"{}\" y=\"16\">{}</text>", at(start - 6), svg::value(map.extent.low));
  for (int i = 0; i < svg::kHeatColors; ++i) {
    out += fmt::format("<rect class=\"q{}\" x=\"{}\" y=\"5\" width=\"{}\" height=\"12\"/>", i, at(start + i * width),
                       at(width + 0.3));
  }
  return out + fmt::format("<text class=\"s\" x=\"{}\" y=\"16\">{}</text>", at(start + svg::kHeatColors * width + 6),
                           svg::value(map.extent.high));
}

/// Where a step stands; nothing where the map does not reach it.
std::optional<double> column_of(const HeatMap& map, const std::optional<std::int64_t>& step, const svg::Scale& x) {
  const auto found = step ? std::lower_bound(map.steps.begin(), map.steps.end(), *step) : map.steps.end();
  return found == map.steps.end() ? std::nullopt
                                  : std::optional(x(static_cast<double>(found - map.steps.begin()) + 0.5));
}

/// Best and stop below the map, the words side by side where the steps are near each other.
std::string marks(const HeatMap& map, const svg::Scale& x, double bottom) {
  constexpr double kRoom = 34;
  const auto best = column_of(map, map.best_step, x), stop = column_of(map, map.stop_step, x);
  const bool near = best && stop && std::abs(*best - *stop) < kRoom;
  const auto mark = [&](const std::optional<double>& column, const char* name, double away) {
    return !column ? ""
                   : fmt::format(
                         "<path class=\"halo\" d=\"M{1} {2}v7\"/><path class=\"{0}\" d=\"M{1} {2}v7\"/>"
                         "<text class=\"s m t{0}\" x=\"{4}\" y=\"{3}\">{0}</text>",
                         name, at(*column), at(bottom), at(bottom + 33), at(*column + away));
  };
  const auto away = near ? (kRoom - std::abs(*best - *stop)) / 2 : 0;
  const auto side = near && *best > *stop ? 1.0 : -1.0;
  return mark(best, "best", side * away) + mark(stop, "stop", -side * away);
}

}  // namespace

HeatMap heat_map_of(const ReportRun& run, const std::string& metric, const std::string& order, const std::string& split,
                    std::size_t max_steps) {
  const auto& points = run.file.points;
  const auto shown = plane::shown_metric(runs::metric_key(metric, order), points);
  HeatMap map{shown.label(Words(order).called(metric) + ", " + split_name(split)),
              runs::layers_of(points),
              {},
              {},
              {},
              std::nullopt,
              run.stop_step};
  map.best_step = best_step_of(run, order);
  const auto most =
      std::max<std::size_t>(2, std::min(max_steps, kMostCells / std::max<std::size_t>(map.layers.size(), 1)));
  const auto chosen = runs::thinned(runs::with_layers(runs::points_of(points, split)), most);
  for (const auto* point : chosen) {
    map.steps.push_back(point->step);
  }
  const auto layers = runs::layers_by_name(chosen);
  for (const auto& name : map.layers) {
    plane::Series samples;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      const auto layer = layers[i].find(name);
      samples.push_back(runs::sample_of(chosen[i]->step,
                                        layer == layers[i].end() ? plane::Metrics{} : layer->second->metrics, shown));
    }
    const auto vague = runs::vague_error(samples);
    auto& row = map.rows.emplace_back();
    for (const auto& sample : samples) {
      row.push_back(sample.value);
      if (!(sample.standard_error > vague)) {
        map.extent.add(sample.value);
      }
    }
  }
  return map;
}

Drawing draw(const HeatMap& map) {
  const auto rows = static_cast<double>(map.layers.size());
  const auto height = std::clamp(340 / std::max(rows, 1.0), 6.0, 30.0);
  const auto bottom = kTop + rows * height;
  const svg::Scale x{0, static_cast<double>(map.steps.size()), kLeft, kRight};
  std::string body = fmt::format("<text class=\"h\" x=\"8\" y=\"16\">{}</text>", svg::escape(map.title));
  body += color_bar(map);
  const auto label_every = static_cast<std::size_t>(std::ceil(13 / height));
  std::string hover;
  for (std::size_t i = 0; i < map.layers.size(); ++i) {
    const auto y = bottom - static_cast<double>(i + 1) * height;  // the deepest layer on top, as the stream flows up
    body += cells(map.rows[i], map, x, y, height);
    if (i % label_every == 0) {
      body += fmt::format("<text class=\"s e\" x=\"{}\" y=\"{}\">{}</text>", at(kLeft - 8), at(y + height / 2 + 4),
                          svg::escape(short_name(map.layers[i])));
    }
    hover +=
        fmt::format("{}{{\"n\":{},\"v\":{}}}", i == 0 ? "" : ",", json_text(map.layers[i]), json_numbers(map.rows[i]));
  }
  const auto count = map.steps.size();
  const auto every = std::max<std::size_t>(1, (count + 7) / 8);
  for (std::size_t i = 0; i < count; i += every) {
    body += fmt::format("<text class=\"s m\" x=\"{}\" y=\"{}\">{}</text>", at(x(static_cast<double>(i) + 0.5)),
                        at(bottom + 18), map.steps[i]);
  }
  body += fmt::format("<text class=\"s e\" x=\"{}\" y=\"{}\">step</text>", at(kLeft - 8), at(bottom + 18));
  body += marks(map, x, bottom);
  std::vector<double> steps(map.steps.begin(), map.steps.end());
  hover = fmt::format("{{\"t\":{},\"steps\":{},\"x\":[{},{}],\"y\":[{},{}],\"rows\":[{}]}}", json_text(map.title),
                      json_numbers(steps), kLeft, kRight, at(kTop), at(bottom), hover);
  return {kWidth, bottom + 42, body, hover,
          fmt::format("Map of {} by layer and step, from {} (dark) to {} (bright)", map.title,
                      svg::value(map.extent.low), svg::value(map.extent.high))};
}

}  // namespace infoplane::report
