#include "report/plane_frame.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <optional>

#include "core/text.hpp"

namespace infoplane::report {
namespace {

using svg::at;

constexpr double kLeft = 62, kWidth = 560;
constexpr double kDigit = 7;     // width of a digit, about
constexpr double kLetter = 7.2;  // of a letter of a name

/// The line expressivity = slope × complexity inside the frame, from 0 on; returns where it leaves.
std::pair<double, double> leaves_at(const Frame& frame, double slope) {
  const auto x = std::min(frame.x.to, frame.y.to / slope);
  return {x, x * slope};
}

/// Names of lines, where these leave the frame: above it, or right of it.
class EdgeNames {
 public:
  explicit EdgeNames(Frame& frame) : frame_(frame) {}

  /// What cannot stand at its place moves beside what is there; what may not move is left out then.
  std::string place(double complexity, double expressivity, const std::string& name, std::string_view css, bool moves) {
    const bool top = complexity < frame_.x.to * 0.999;
    auto& taken = top ? above_ : beside_;
    const auto size = top ? kLetter * static_cast<double>(text::columns(name)) + 8 : 15;
    const auto place = free(taken, top ? frame_.x(complexity) : frame_.y(expressivity), size, moves);
    if (!place) {
      return "";
    }
    taken.emplace_back(*place - size / 2, *place + size / 2);
    if (top) {
      return fmt::format("<text class=\"{} m\" x=\"{}\" y=\"{}\">{}</text>", css, at(*place), at(Frame::kTop - 6),
                         name);
    }
    const auto end = Frame::kRight + 10 + kLetter * static_cast<double>(text::columns(name));
    frame_.width = std::max(frame_.width, end);
    return fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>", css, at(Frame::kRight + 5), at(*place + 4),
                       name);
  }

 private:
  using Spans = std::vector<std::pair<double, double>>;

  static bool is_free(const Spans& taken, double middle, double size) {
    return std::none_of(taken.begin(), taken.end(), [&](const auto& span) {
      return middle - size / 2 < span.second && span.first < middle + size / 2;
    });
  }

  /// The wanted middle, or the nearest one beside what is taken.
  static std::optional<double> free(const Spans& taken, double wanted, double size, bool moves) {
    if (is_free(taken, wanted, size)) {
      return wanted;
    }
    std::optional<double> found;
    for (const auto& [from, to] : taken) {
      for (const auto middle : {from - size / 2, to + size / 2}) {
        const bool nearer = !found || std::abs(middle - wanted) < std::abs(*found - wanted);
        if (moves && nearer && is_free(taken, middle, size)) {
          found = middle;
        }
      }
    }
    return found;
  }

  Frame& frame_;
  Spans above_, beside_;
};

/// The IB curve inside the frame, flat behind its last point: its corners, from the first to where it leaves.
std::vector<std::pair<double, double>> inside(const Frame& frame, std::vector<std::pair<double, double>> points) {
  std::erase_if(points, [](const auto& point) { return !std::isfinite(point.first + point.second); });
  if (points.empty()) {
    return {};
  }
  points.emplace_back(std::max(points.back().first, frame.x.to), points.back().second);
  std::vector<std::pair<double, double>> found = {points[0]};
  for (std::size_t i = 1; i < points.size(); ++i) {
    const auto end = found.back();
    if (end.first >= frame.x.to || end.second >= frame.y.to) {
      break;
    }
    const auto [x, y] = points[i - 1];
    const auto [dx, dy] = std::pair(points[i].first - x, points[i].second - y);
    double share = 1;  // of the stretch, as far as the frame goes
    share = x + dx > frame.x.to ? std::min(share, (frame.x.to - x) / dx) : share;
    share = y + dy > frame.y.to ? std::min(share, (frame.y.to - y) / dy) : share;
    found.emplace_back(x + share * dx, y + share * dy);
  }
  return found;
}

}  // namespace

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
  std::size_t longest = 5;  // as "0.125"
  for (const auto& label : svg::labels(svg::ticks(y.low, y.high, 6))) {
    longest = std::max(longest, label.size());
  }
  const auto left = kLeft + kDigit * static_cast<double>(longest - 5);
  return {left, kWidth, {x.low, x.high, left, Frame::kRight}, {y.low, y.high, Frame::kBottom, Frame::kTop}};
}

std::string axes(const Frame& frame, const Coordinates& shown) {
  std::string out;
  const auto xs = svg::ticks(frame.x.from, frame.x.to, 6), ys = svg::ticks(frame.y.from, frame.y.to, 6);
  const auto x_labels = svg::labels(xs), y_labels = svg::labels(ys);
  auto free_from = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const auto column = frame.x(xs[i]), half = kDigit * static_cast<double>(x_labels[i].size()) / 2;
    out += fmt::format("<path class=\"g\" d=\"M{} {}V{}\"/>", at(column), at(Frame::kTop), at(Frame::kBottom));
    if (column - half >= free_from) {  // long numbers leave some out
      out += fmt::format("<text class=\"s m\" x=\"{}\" y=\"{}\">{}</text>", at(column), at(Frame::kBottom + 17),
                         x_labels[i]);
      free_from = column + half + 4;
    }
  }
  for (std::size_t i = 0; i < ys.size(); ++i) {
    out += fmt::format("<path class=\"g\" d=\"M{1} {0}H{2}\"/><text class=\"s e\" x=\"{3}\" y=\"{4}\">{5}</text>",
                       at(frame.y(ys[i])), at(frame.left), at(Frame::kRight), at(frame.left - 6),
                       at(frame.y(ys[i]) + 4), y_labels[i]);
  }
  out += fmt::format("<path class=\"ax\" d=\"M{} {}V{}H{}\"/>", at(frame.left), at(Frame::kTop), at(Frame::kBottom),
                     at(Frame::kRight));
  out += fmt::format("<text class=\"m\" x=\"{}\" y=\"{}\">{}: {} →</text>", at((frame.left + Frame::kRight) / 2),
                     at(Frame::kBottom + 40), shown.complexity.label(shown.x), shown.x_means);
  out += fmt::format("<text class=\"m\" transform=\"translate(15 {}) rotate(-90)\">{}: {} →</text>",
                     at((Frame::kTop + Frame::kBottom) / 2), shown.expressivity.label(shown.y), shown.y_means);
  return out;
}

std::string bounds(Frame& frame, const Plane& plane, Labels& labels) {
  const auto place_of = [&](const std::pair<double, double>& point) {
    return std::pair(frame.column(point.first), frame.row(point.second));
  };
  const auto origin = std::pair(0.0, 0.0), end = leaves_at(frame, 1);
  std::string out =
      fmt::format("<path class=\"over\" d=\"M{} L{} ", frame.point(0, 0), frame.point(end.first, end.second));
  if (end.first < frame.x.to) {  // leaves at the top
    out += fmt::format("L{} Z\"/>", frame.point(0, frame.y.to));
  } else {
    out += fmt::format("L{} L{} Z\"/>", frame.point(frame.x.to, frame.y.to), frame.point(0, frame.y.to));
  }
  EdgeNames names(frame);
  auto written = names.place(end.first, end.second, "ratio 1", "h", true);
  const auto curve = inside(frame, plane.curve);
  if (!curve.empty()) {
    written += names.place(curve.back().second >= frame.y.to * 0.999 ? curve.back().first : frame.x.to,
                           curve.back().second, "IB curve", "h tcv", true);
  }
  for (const auto slope : {0.75, 0.5, 0.25}) {
    const auto ray = leaves_at(frame, slope);
    out += fmt::format("<path class=\"ray\" d=\"M{} L{}\"/>", frame.point(0, 0), frame.point(ray.first, ray.second));
    written += names.place(ray.first, ray.second, fmt::format("{}", slope), "s", false);
    labels.avoid(place_of(origin), place_of(ray), 0.2);
  }
  out += fmt::format("<path class=\"bd\" d=\"M{} L{}\"/>", frame.point(0, 0), frame.point(end.first, end.second));
  labels.avoid(place_of(origin), place_of(end), 0.5);
  std::string path;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    path += i == 0 ? 'M' : 'L';
    path += frame.point(curve[i].first, curve[i].second);
    if (i > 0) {
      labels.avoid(place_of(curve[i - 1]), place_of(curve[i]), 0.5);
    }
  }
  out += path.empty() ? "" : fmt::format("<path class=\"cv\" d=\"{}\"/>", path);
  return out + written;
}

void Labels::avoid(std::pair<double, double> from, std::pair<double, double> to, double weight) {
  const auto dx = to.first - from.first, dy = to.second - from.second;
  const auto parts = 1 + static_cast<int>(std::hypot(dx, dy) / 8);
  for (int i = 0; i <= parts; ++i) {
    const auto share = static_cast<double>(i) / parts;
    avoid(from.first + dx * share, from.second + dy * share, weight);
  }
}

std::string Labels::place(double x, double y, const std::string& name) {
  const auto width = kLetter * static_cast<double>(text::columns(name)) + 4;
  Box best{};
  double least = 1e9;
  for (const double distance : {14, 26, 40, 56, 74, 95, 120, 150, 185, 225}) {
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

double Labels::cost_of(const Box& box) const {
  const bool outside = box.x < frame_.left + 2 || box.x + box.width > Frame::kRight || box.y < Frame::kTop ||
                       box.y + box.height > Frame::kBottom;
  double cost = outside ? 1000 : 0;
  for (const auto& [x, y, weight] : taken_) {
    cost += x > box.x - 3 && x < box.x + box.width + 3 && y > box.y - 3 && y < box.y + box.height + 3 ? weight : 0;
  }
  for (const auto& other : boxes_) {
    const bool apart = box.x + box.width < other.x || other.x + other.width < box.x || box.y + box.height <= other.y ||
                       other.y + other.height <= box.y;
    cost += apart ? 0 : 100;
  }
  return cost;
}

}  // namespace infoplane::report
