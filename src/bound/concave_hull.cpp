#include "bound/concave_hull.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace infoplane::bound {

std::vector<IbPoint> concave_hull(std::vector<IbPoint> points) {
  // No channel tells more about Y than about X, but sums of rounded terms do: above 0 at a complexity of 0, say.
  for (auto& point : points) {
    point.expressivity = std::min(point.expressivity, point.complexity);
  }
  points.erase(
      std::remove_if(points.begin(), points.end(), [](const IbPoint& point) { return !(point.complexity > 0); }),
      points.end());
  points.push_back({0, 0, 0, 1});
  std::sort(points.begin(), points.end(), [](const IbPoint& a, const IbPoint& b) {
    return std::pair(a.complexity, -a.expressivity) < std::pair(b.complexity, -b.expressivity);
  });
  std::vector<IbPoint> hull;
  for (const auto& point : points) {
    if (!hull.empty() && point.expressivity <= hull.back().expressivity) {
      continue;
    }
    while (hull.size() >= 2) {
      const auto& a = hull[hull.size() - 2];
      const auto& b = hull.back();
      const double turn = (b.complexity - a.complexity) * (point.expressivity - a.expressivity) -
                          (b.expressivity - a.expressivity) * (point.complexity - a.complexity);
      if (turn < 0) {
        break;
      }
      hull.pop_back();
    }
    hull.push_back(point);
  }
  return hull;
}

double tangent_gap(const IbPoint& left, const IbPoint& right) {
  const double width = right.complexity - left.complexity;
  if (!(width > 0)) {
    return 0;
  }
  // No curve of a joint is steeper than 1 (data processing), whatever β a point at the origin was found with.
  const double rise = right.expressivity - left.expressivity;
  const double steep = left.beta > 0 ? std::min(1.0, 1 / left.beta) : 1;
  const double shallow = std::isfinite(right.beta) && right.beta > 0 ? 1 / right.beta : 0;
  if (steep * width <= rise || shallow * width >= rise) {
    return 0;
  }
  // The tangents meet where left + steep·u = right − shallow·(width − u).
  const double u = (rise - shallow * width) / (steep - shallow);
  return u * (steep - rise / width);
}

}  // namespace infoplane::bound
