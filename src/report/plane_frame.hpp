#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/draw.hpp"

// What stands around and behind the paths of a figure of the plane.
namespace infoplane::report {

/// Where the plane lies in the figure.
struct Frame {
  static constexpr double kRight = 546, kTop = 46, kBottom = 396, kHeight = 450;

  double left = 0;   ///< room for the numbers of the vertical axis is left of it
  double width = 0;  ///< of the figure, with room for names at the right edge
  svg::Scale x, y;

  /// Inside the frame; what lies outside, at its edge.
  double column(double complexity) const { return std::clamp(x(complexity), left, kRight); }
  double row(double expressivity) const { return std::clamp(y(expressivity), kTop, kBottom); }
  std::string point(double complexity, double expressivity) const {
    return svg::at(column(complexity)) + " " + svg::at(row(expressivity));
  }
};

/// Puts names where they hide the least, and not one over another.
class Labels {
 public:
  explicit Labels(const Frame& frame) : frame_(frame) {}

  /// Something is drawn there; `weight` is what hiding it costs.
  void avoid(double x, double y, double weight = 1) { taken_.push_back({x, y, weight}); }
  /// The same along a line.
  void avoid(std::pair<double, double> from, std::pair<double, double> to, double weight);

  /// The name of what ends at that place, with a line to it.
  std::string place(double x, double y, const std::string& name);

 private:
  struct Box {
    double x, y, width, height;
  };
  struct Taken {
    double x, y, weight;
  };

  double cost_of(const Box& box) const;

  const Frame& frame_;
  std::vector<Taken> taken_;
  std::vector<Box> boxes_;
};

/// A frame for all spots that are not vague.
Frame frame_of(const Plane& plane);

std::string axes(const Frame& frame, const Coordinates& shown);

/// The diagonal bound, rays of equal optimality and the IB curve with their names, which stand outside of the frame,
/// one beside the other: where there is no room, those of rays are left out. Widens the frame's figure where it needs
/// that, and tells the labels of paths what to avoid.
std::string bounds(Frame& frame, const Plane& plane, Labels& labels);

}  // namespace infoplane::report
