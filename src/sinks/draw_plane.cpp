#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/plane/metric_keys.hpp>

#include "sinks/draw.hpp"

namespace infoplane::sinks {
namespace {

using svg::at;

constexpr double kWidth = 560, kHeight = 450, kLeft = 62, kRight = 546, kTop = 46, kBottom = 396;
constexpr double kLabelRoom = 60;
constexpr std::size_t kMostSpots = 3000;
constexpr std::size_t kMostLabels = 12;

struct Frame {
  svg::Scale x, y;

  /// Inside the frame; what lies outside, at its edge.
  double column(double complexity) const { return std::clamp(x(complexity), kLeft, kRight); }
  double row(double expressivity) const { return std::clamp(y(expressivity), kTop, kBottom); }
  std::string point(double complexity, double expressivity) const {
    return at(column(complexity)) + " " + at(row(expressivity));
  }
};

Frame frame_of(const Plane& plane) {
  svg::Extent x, y;
  x.add(0);
  y.add(0);
  for (const auto& path : plane.paths) {
    for (const auto& spot : path.spots) {
      if (!spot.vague) {
        x.add(spot.complexity);
        y.add(spot.expressivity);
      }
    }
  }
  const auto widen = [](svg::Extent extent) {
    extent.high = extent.high > 0 ? extent.high * 1.1 : 0.1;
    extent.low = extent.low < 0 ? extent.low * 1.1 : 0;
    return extent;
  };
  x = widen(x);
  y = widen(y);
  return {{x.low, x.high, kLeft, kRight}, {y.low, y.high, kBottom, kTop}};
}

/// The line expressivity = slope × complexity inside the frame, from 0 on; returns where it leaves.
std::pair<double, double> leaves_at(const Frame& frame, double slope) {
  const auto x = std::min(frame.x.to, frame.y.to / slope);
  return {x, x * slope};
}

/// The IB curve inside the frame; flat behind its last point.
std::string curve(const Frame& frame, const Plane& plane) {
  auto points = plane.curve;
  std::erase_if(points, [](const auto& point) { return !std::isfinite(point.first + point.second); });
  if (points.empty()) {
    return "";
  }
  points.emplace_back(std::max(points.back().first, frame.x.to), points.back().second);
  auto path = fmt::format("M{}", frame.point(points[0].first, points[0].second));
  auto end = points[0];
  for (std::size_t i = 1; i < points.size() && end.first < frame.x.to && end.second < frame.y.to; ++i) {
    const auto [x, y] = points[i - 1];
    const auto [dx, dy] = std::pair(points[i].first - x, points[i].second - y);
    double share = 1;  // of the stretch, as far as the frame goes
    share = x + dx > frame.x.to ? std::min(share, (frame.x.to - x) / dx) : share;
    share = y + dy > frame.y.to ? std::min(share, (frame.y.to - y) / dy) : share;
    end = {x + share * dx, y + share * dy};
    path += fmt::format("L{}", frame.point(end.first, end.second));
  }
  const bool top = end.second >= frame.y.to * 0.999;
  const auto label = top ? std::pair(frame.x(end.first), kTop - 6) : std::pair(kRight - 3, frame.row(end.second) - 6);
  return fmt::format("<path class=\"cv\" d=\"{}\"/><text class=\"h tcv {}\" x=\"{}\" y=\"{}\">IB curve</text>", path,
                     top ? "m" : "e halo", at(label.first), at(label.second));
}

std::string bounds(const Frame& frame, const Plane& plane) {
  const auto [x, y] = leaves_at(frame, 1);
  std::string out = fmt::format("<path class=\"over\" d=\"M{} L{} ", frame.point(0, 0), frame.point(x, y));
  if (x < frame.x.to) {  // leaves at the top
    out += fmt::format("L{} Z\"/>", frame.point(0, frame.y.to));
  } else {
    out += fmt::format("L{} L{} Z\"/>", frame.point(frame.x.to, frame.y.to), frame.point(0, frame.y.to));
  }
  for (const auto slope : {0.25, 0.5, 0.75}) {
    const auto [end_x, end_y] = leaves_at(frame, slope);
    out += fmt::format("<path class=\"ray\" d=\"M{} L{}\"/>", frame.point(0, 0), frame.point(end_x, end_y));
    const bool top = end_x < frame.x.to * 0.999;
    if (top && std::abs(frame.x(end_x) - frame.x(x)) < kLabelRoom) {
      continue;  // too near to the label of the bound
    }
    out += top ? fmt::format("<text class=\"s m\" x=\"{}\" y=\"{}\">{}</text>", at(frame.x(end_x)), at(kTop - 6), slope)
               : fmt::format("<text class=\"s e halo\" x=\"{}\" y=\"{}\">{}</text>", at(kRight - 3),
                             at(frame.y(end_y) + 15), slope);
  }
  out += fmt::format("<path class=\"bd\" d=\"M{} L{}\"/>", frame.point(0, 0), frame.point(x, y));
  const bool top = x < frame.x.to * 0.999;
  out += top ? fmt::format("<text class=\"h m\" x=\"{}\" y=\"{}\">bound 1</text>", at(frame.x(x)), at(kTop - 6))
             : fmt::format("<text class=\"h e halo\" x=\"{}\" y=\"{}\">bound 1</text>", at(kRight - 3),
                           at(frame.y(y) + 15));
  return out + curve(frame, plane);
}

std::string axes(const Frame& frame) {
  std::string out;
  const auto xs = svg::ticks(frame.x.from, frame.x.to, 6), ys = svg::ticks(frame.y.from, frame.y.to, 6);
  const auto x_labels = svg::labels(xs), y_labels = svg::labels(ys);
  for (std::size_t i = 0; i < xs.size(); ++i) {
    out += fmt::format("<path class=\"g\" d=\"M{0} {1}V{2}\"/><text class=\"s m\" x=\"{0}\" y=\"{3}\">{4}</text>",
                       at(frame.x(xs[i])), at(kTop), at(kBottom), at(kBottom + 17), x_labels[i]);
  }
  for (std::size_t i = 0; i < ys.size(); ++i) {
    out += fmt::format("<path class=\"g\" d=\"M{1} {0}H{2}\"/><text class=\"s e\" x=\"{3}\" y=\"{4}\">{5}</text>",
                       at(frame.y(ys[i])), at(kLeft), at(kRight), at(kLeft - 6), at(frame.y(ys[i]) + 4), y_labels[i]);
  }
  out += fmt::format("<path class=\"ax\" d=\"M{0} {1}V{2}H{3}\"/>", at(kLeft), at(kTop), at(kBottom), at(kRight));
  out += fmt::format("<text class=\"m\" x=\"{}\" y=\"{}\">complexity: what is kept about the input →</text>",
                     at((kLeft + kRight) / 2), at(kBottom + 40));
  out += fmt::format(
      "<text class=\"m\" transform=\"translate(15 {}) rotate(-90)\">expressivity: about what comes next →"
      "</text>",
      at((kTop + kBottom) / 2));
  return out;
}

std::string color_bar(std::int64_t first, std::int64_t last) {
  std::string out = fmt::format("<text class=\"s\" x=\"{}\" y=\"15\">step {}</text>", at(kLeft), first);
  const auto start = kLeft + 34 + 7 * static_cast<double>(fmt::formatted_size("{}", first));
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

/// Puts the names of the paths' ends where they hide the least.
class Labels {
 public:
  void avoid(double x, double y) { taken_.push_back({x, y}); }

  std::string place(double x, double y, const std::string& name) {
    const auto width = 7.2 * static_cast<double>(name.size()) + 4;
    Box best{};
    double least = 1e9;
    for (const double distance : {14, 26, 40, 56, 74}) {
      for (int i = 0; i < 16; ++i) {
        const auto angle = 2 * 3.14159265358979 * i / 16;
        const auto tip_x = x + distance * std::cos(angle), tip_y = y + distance * std::sin(angle);
        const Box box{std::cos(angle) < 0 ? tip_x - width : tip_x, tip_y - 8, width, 16};
        const auto cost = cost_of(box) + distance / 40;
        if (cost < least) {
          least = cost;
          best = box;
        }
      }
    }
    boxes_.push_back(best);
    const auto edge = std::clamp(x, best.x, best.x + best.width);
    return fmt::format("<path class=\"ax\" d=\"M{} {}L{} {}\"/><text class=\"halo\" x=\"{}\" y=\"{}\">{}</text>", at(x),
                       at(y), at(edge), at(best.y + 8), at(best.x + 2), at(best.y + 12), svg::escape(name));
  }

 private:
  struct Box {
    double x, y, width, height;
  };

  double cost_of(const Box& box) const {
    double cost =
        box.x < kLeft + 2 || box.x + box.width > kRight || box.y < kTop || box.y + box.height > kBottom ? 1000 : 0;
    for (const auto& [x, y] : taken_) {
      cost += x > box.x - 3 && x < box.x + box.width + 3 && y > box.y - 3 && y < box.y + box.height + 3 ? 1 : 0;
    }
    for (const auto& other : boxes_) {
      const bool apart = box.x + box.width < other.x || other.x + other.width < box.x ||
                         box.y + box.height <= other.y || other.y + other.height <= box.y;
      cost += apart ? 0 : 100;
    }
    return cost;
  }

  std::vector<std::pair<double, double>> taken_;
  std::vector<Box> boxes_;
};

}  // namespace

Plane plane_of(const ReportRun& run, const std::string& order, const std::string& stream, std::size_t max_steps) {
  const auto& points = run.file.points;
  const auto names = layers_of(points);
  const auto most = std::max<std::size_t>(2, std::min(max_steps, kMostSpots / std::max<std::size_t>(names.size(), 1)));
  const auto x_key = plane::complexity_key(order), y_key = plane::expressivity_key(order);
  const auto x = shown_key(points, x_key), y = shown_key(points, y_key);
  Plane plane{order, {}, {}, run.best_step ? run.best_step : best_step_of(run.file, order)};
  const auto chosen = thinned(with_layers(points_of(points, stream)), most);
  for (const auto& name : names) {
    plane::Series complexities, expressivities;
    for (const auto* point : chosen) {
      if (const auto* layer = point->layer(name)) {
        complexities.push_back(sample_of(point->step, layer->metrics, x, x_key));
        expressivities.push_back(sample_of(point->step, layer->metrics, y, y_key));
      }
    }
    Path path{name, "", {}};
    const auto vague_x = vague_error(complexities), vague_y = vague_error(expressivities);
    for (std::size_t i = 0; i < complexities.size(); ++i) {
      path.spots.push_back({complexities[i].step, complexities[i].value, expressivities[i].value,
                            complexities[i].standard_error > vague_x || expressivities[i].standard_error > vague_y});
    }
    plane.paths.push_back(std::move(path));
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

Drawing draw(const Plane& plane) {
  const auto frame = frame_of(plane);
  svg::Extent steps;
  bool by_step = false;
  for (const auto& path : plane.paths) {
    by_step = by_step || path.color.empty();
    for (const auto& spot : path.spots) {
      steps.add(static_cast<double>(spot.step));
    }
  }
  const svg::Scale position{steps.low, steps.high, 0, 1};
  auto body = axes(frame) + bounds(frame, plane);
  std::string spots, ends;
  Labels labels;
  struct End {
    double x, y;
    std::string name;
  };
  std::vector<End> named;
  const auto count = plane.paths.size();
  for (std::size_t i = 0; i < count; ++i) {
    const auto& path = plane.paths[i];
    body += stroke(frame, path, position);
    const Spot* last = nullptr;
    for (const auto& spot : path.spots) {
      if (!drawn(spot)) {
        continue;
      }
      const auto color = path.color.empty()
                             ? fmt::format("f{}", svg::step_color(position(static_cast<double>(spot.step))))
                             : "f" + path.color;
      spots += fmt::format(
          "<circle class=\"{} p\" cx=\"{}\" cy=\"{}\" r=\"2.4\" data-t=\"{}, step {}|complexity {}|"
          "expressivity {}|optimality {}\"/>",
          color, at(frame.column(spot.complexity)), at(frame.row(spot.expressivity)), svg::escape(path.name), spot.step,
          svg::value(spot.complexity), svg::value(spot.expressivity), svg::value(spot.expressivity / spot.complexity));
      labels.avoid(frame.column(spot.complexity), frame.row(spot.expressivity));
      if (plane.best_step == spot.step) {
        ends += fmt::format("<circle class=\"ring\" cx=\"{}\" cy=\"{}\" r=\"7.5\"/>", at(frame.column(spot.complexity)),
                            at(frame.row(spot.expressivity)));
      }
      last = &spot;
    }
    if (last == nullptr) {
      continue;
    }
    const auto x = frame.column(last->complexity), y = frame.row(last->expressivity);
    ends += fmt::format("<circle class=\"{} end\" cx=\"{}\" cy=\"{}\" r=\"5\"/>",
                        path.color.empty() ? fmt::format("f{}", svg::kStepColors - 1) : "f" + path.color, at(x), at(y));
    if (count <= kMostLabels || i % ((count + kMostLabels - 1) / kMostLabels) == 0 || i + 1 == count) {
      named.push_back({x, y, path.name});
    }
  }
  for (const auto& [x, y, name] : named) {
    ends += labels.place(x, y, name);
  }
  if (by_step) {
    body += color_bar(static_cast<std::int64_t>(steps.low), static_cast<std::int64_t>(steps.high));
  }
  return {kWidth, kHeight, body + spots + ends, "",
          fmt::format("Information plane of {} paths, {}s: complexity against expressivity from step {} to step {}",
                      count, plane.order, steps.low, steps.high)};
}

}  // namespace infoplane::sinks
