#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/plane/metric_keys.hpp>

#include "core/text.hpp"
#include "report/plane_frame.hpp"
#include "report/words.hpp"

namespace infoplane::report {
namespace {

using svg::at;

constexpr std::size_t kMostSpots = 3000;
constexpr std::size_t kMostLabels = 12;
constexpr std::size_t kMostColumns = 32;  // of a label

std::string color_bar(double left, std::int64_t first, std::int64_t last) {
  std::string out = fmt::format("<text class=\"s\" x=\"{}\" y=\"15\">step {}</text>", at(left), first);
  const auto start = left + 34 + 7 * static_cast<double>(fmt::formatted_size("{}", first));
  for (int i = 0; i < svg::kStepColors; ++i) {
    out += fmt::format("<rect class=\"f{}\" x=\"{}\" y=\"5\" width=\"11\" height=\"11\"/>", i, at(start + 10 * i));
  }
  out += fmt::format("<text class=\"s\" x=\"{}\" y=\"15\">{}</text>", at(start + 10 * svg::kStepColors + 7), last);
  return out;
}

bool drawn(const Spot& spot) { return std::isfinite(spot.complexity) && std::isfinite(spot.expressivity); }

/// A polyline for each stretch of one colour; a gap where a value is undefined.
std::string stroke(const Frame& frame, const Path& path, const svg::Scale& position) {
  std::string out, line;
  std::string color, open;
  const auto close = [&] {
    if (line.find('L') != std::string::npos) {
      out += fmt::format("<path class=\"ln {}\" d=\"{}\"/>", open, line);
    }
    line.clear();
  };
  const Spot* before = nullptr;
  for (const auto& spot : path.spots) {
    if (!drawn(spot)) {
      close();
      before = nullptr;
      continue;
    }
    if (before != nullptr) {
      const auto middle = (position(static_cast<double>(before->step)) + position(static_cast<double>(spot.step))) / 2;
      color = path.color.empty() ? fmt::format("t{}", svg::step_color(middle)) : path.color;
      if (line.empty() || color != open) {
        close();
        open = color;
        line = fmt::format("M{}", frame.point(before->complexity, before->expressivity));
      }
      line += fmt::format("L{}", frame.point(spot.complexity, spot.expressivity));
    }
    before = &spot;
  }
  close();
  return out;
}

}  // namespace

Choice choice_of(const ReportRun& run) {
  return [&points = run.file.points](const std::string& key) { return plane::shown_metric(key, points); };
}

Coordinates::Coordinates(const Choice& choice, const std::string& order, View view)
    : complexity(choice(view == View::kContext ? plane::context_key() : plane::complexity_key(order))),
      expressivity(choice(view == View::kThrough ? plane::through_key(order) : plane::expressivity_key(order))),
      optimality(choice(view == View::kPaper     ? plane::optimality_key(order)
                        : view == View::kContext ? plane::output_share_key(order)
                                                 : plane::optimality_through_key(order))),
      x(view == View::kContext || !Words(order).is_text ? "context" : "complexity"),
      x_means(view == View::kContext || !Words(order).is_text ? "what is kept about all that was read"
                                                              : "what is kept about the input"),
      y(view == View::kThrough ? "through the input" : "expressivity"),
      y_means((view == View::kThrough ? "about what comes next, by the input alone" : "about " + Words(order).next)),
      ratio(view == View::kPaper && Words(order).is_text ? "optimality" : "share") {}

Spot spot_of(std::int64_t step, const plane::Metrics& metrics, const Coordinates& shown) {
  return {step, plane::value_at(metrics, shown.complexity.key), plane::value_at(metrics, shown.expressivity.key),
          plane::value_at(metrics, shown.optimality.key)};
}

Plane plane_of(const ReportRun& run, const std::string& order, const std::string& split, std::size_t max_steps,
               View view) {
  const auto& points = run.file.points;
  const auto names = runs::layers_of(points);
  const auto most = std::max<std::size_t>(2, std::min(max_steps, kMostSpots / std::max<std::size_t>(names.size(), 1)));
  Plane plane{order, {choice_of(run), order, view}, {}, {}, best_step_of(run, order)};
  const auto chosen = runs::thinned(runs::with_layers(runs::points_of(points, split)), most);
  const auto layers = runs::layers_by_name(chosen);
  for (const auto& name : names) {
    Path path{name, "", {}};
    plane::Series complexities, expressivities;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (const auto layer = layers[i].find(name); layer != layers[i].end()) {
        const auto& metrics = layer->second->metrics;
        complexities.push_back(runs::sample_of(chosen[i]->step, metrics, plane.shown.complexity));
        expressivities.push_back(runs::sample_of(chosen[i]->step, metrics, plane.shown.expressivity));
        path.spots.push_back(spot_of(chosen[i]->step, metrics, plane.shown));
      }
    }
    const auto vague_x = runs::vague_error(complexities), vague_y = runs::vague_error(expressivities);
    for (std::size_t i = 0; i < complexities.size(); ++i) {
      path.spots[i].vague = complexities[i].standard_error > vague_x || expressivities[i].standard_error > vague_y;
    }
    plane.paths.push_back(std::move(path));
  }
  const bool empty = std::none_of(plane.paths.begin(), plane.paths.end(), [](const Path& path) {
    return std::any_of(path.spots.begin(), path.spots.end(), drawn);
  });
  if ((view != View::kPaper || !Words(order).is_text) && empty) {
    plane.paths.clear();
  }
  if (view == View::kContext) {
    return plane;  // a curve is of the order's X
  }
  for (const auto& curve : run.curves) {
    if (curve.order == order) {
      plane.curve = curve.points;
    }
  }
  if (const auto known = run.file.header.curves.find(order);
      plane.curve.empty() && known != run.file.header.curves.end()) {
    plane.curve = known->second;
  }
  return plane;
}

namespace {

/// Class that fills a spot.
std::string fill_of(const Path& path, const Spot& spot, const svg::Scale& position) {
  return path.color.empty() ? fmt::format("f{}", svg::step_color(position(static_cast<double>(spot.step))))
                            : "f" + path.color;
}

std::string circle(const Frame& frame, const Coordinates& shown, const Path& path, const Spot& spot,
                   const std::string& color) {
  return fmt::format("<circle class=\"{} p\" cx=\"{}\" cy=\"{}\" r=\"2.4\" data-t=\"{}, step {}|{} {}|{} {}|{} {}\"/>",
                     color, at(frame.column(spot.complexity)), at(frame.row(spot.expressivity)), svg::escape(path.name),
                     spot.step, shown.x, svg::value(spot.complexity), shown.y, svg::value(spot.expressivity),
                     shown.ratio, svg::value(spot.optimality));
}

/// What lies over the paths: their spots, and over those their ends and the best step.
struct Marks {
  std::string spots, ends;
};

/// Marks the spots of a path, which names avoid from now on. Returns the last that is drawn; null without one.
const Spot* mark_spots(const Frame& frame, const Plane& plane, const Path& path, const svg::Scale& position,
                       Labels& labels, Marks& marks) {
  const Spot* last = nullptr;
  for (const auto& spot : path.spots) {
    if (!drawn(spot)) {
      continue;
    }
    marks.spots += circle(frame, plane.shown, path, spot, fill_of(path, spot, position));
    labels.avoid(frame.column(spot.complexity), frame.row(spot.expressivity));
    if (last != nullptr) {
      labels.avoid({frame.column(last->complexity), frame.row(last->expressivity)},
                   {frame.column(spot.complexity), frame.row(spot.expressivity)}, 0.4);
    }
    if (plane.best_step == spot.step) {
      marks.ends += fmt::format("<circle class=\"ring\" cx=\"{}\" cy=\"{}\" r=\"7.5\"/>",
                                at(frame.column(spot.complexity)), at(frame.row(spot.expressivity)));
    }
    last = &spot;
  }
  return last;
}

/// Whether the i-th of so many paths is named: all of few, and the last in any case.
bool is_named(std::size_t i, std::size_t count) {
  return count <= kMostLabels || i % ((count + kMostLabels - 1) / kMostLabels) == 0 || i + 1 == count;
}

svg::Extent steps_of(const Plane& plane) {
  svg::Extent steps;
  for (const auto& path : plane.paths) {
    for (const auto& spot : path.spots) {
      steps.add(static_cast<double>(spot.step));
    }
  }
  return steps;
}

}  // namespace

Drawing draw(const Plane& plane) {
  auto frame = frame_of(plane);
  const auto steps = steps_of(plane);
  const svg::Scale position{steps.low, steps.high, 0, 1};
  Labels labels(frame);
  auto body = axes(frame, plane.shown) + bounds(frame, plane, labels);
  Marks marks;
  struct End {
    double x, y;
    std::string name;
  };
  std::vector<End> named;
  const auto count = plane.paths.size();
  for (std::size_t i = 0; i < count; ++i) {
    const auto& path = plane.paths[i];
    body += stroke(frame, path, position);
    const auto* last = mark_spots(frame, plane, path, position, labels, marks);
    if (last == nullptr) {
      continue;
    }
    const auto x = frame.column(last->complexity), y = frame.row(last->expressivity);
    marks.ends += fmt::format("<circle class=\"{} end\" cx=\"{}\" cy=\"{}\" r=\"5\"/>", fill_of(path, *last, position),
                              at(x), at(y));
    if (is_named(i, count)) {
      named.push_back({x, y, text::shortened(text::valid_utf8(path.name), kMostColumns, text::Keep::kEnd)});
    }
  }
  for (const auto& [x, y, name] : named) {
    marks.ends += labels.place(x, y, name);
  }
  if (std::any_of(plane.paths.begin(), plane.paths.end(), [](const Path& path) { return path.color.empty(); })) {
    body += color_bar(frame.left, static_cast<std::int64_t>(steps.low), static_cast<std::int64_t>(steps.high));
  }
  return {frame.width, Frame::kHeight, body + marks.spots + marks.ends, "",
          fmt::format("Information plane of {} paths, {}s: {} against {} from step {} to step {}", count, plane.order,
                      plane.shown.x, plane.shown.y, steps.low, steps.high)};
}

}  // namespace infoplane::report
