#include <algorithm>
#include <cmath>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/core/error.hpp>
#include <limits>

#include "bound/annealing.hpp"
#include "bound/concave_hull.hpp"

namespace infoplane::bound {
namespace {

constexpr double kNothing = 1e-9;    // nats
constexpr double kRounding = 1e-12;  // nats

}  // namespace

IbCurve IbCurve::solve(const Joint& joint, const IbCurveOptions& options) {
  INFOPLANE_CHECK(options.clusters() >= 1, ArgumentError, "an IB curve needs at least 1 cluster, got ",
                  options.clusters());
  INFOPLANE_CHECK(options.restarts() >= 1, ArgumentError, "an IB curve needs at least 1 sweep, got restarts(",
                  options.restarts(), ")");
  INFOPLANE_CHECK(options.max_iterations() >= 1, ArgumentError, "an IB curve needs at least 1 iteration, got ",
                  options.max_iterations());
  INFOPLANE_CHECK(std::isfinite(options.tolerance()) && options.tolerance() > 0, ArgumentError,
                  "the tolerance of an IB curve is in nats and above 0, got ", options.tolerance());
  IbCurve curve;
  curve.cluster_limit_ = options.clusters();
  curve.row_entropy_ = joint.row_entropy();
  curve.column_entropy_ = joint.column_entropy();
  curve.information_ = joint.information();
  const Joint small = merge_alike(joint);
  std::vector<IbPoint> points;
  if (small.rows() > 1 && options.clusters() > 1 && curve.information_ > kNothing) {
    points = anneal(small, options);
  }
  if (small.rows() <= options.clusters()) {
    // T = the minimal sufficient statistic: no other channel has all of I(X;Y), but for rounding.
    const double top = small.information();
    std::erase_if(points, [&](const IbPoint& point) { return point.expressivity > top - kRounding; });
    points.push_back({small.row_entropy(), top, std::numeric_limits<double>::infinity(), small.rows()});
  }
  curve.points_ = concave_hull(std::move(points));
  for (std::size_t i = 0; i + 1 < curve.points_.size(); ++i) {
    curve.tolerance_ = std::max(curve.tolerance_, tangent_gap(curve.points_[i], curve.points_[i + 1]));
  }
  return curve;
}

std::vector<IbPoint>::const_iterator IbCurve::right_of(double complexity) const noexcept {
  return std::upper_bound(points_.begin(), points_.end(), complexity,
                          [](double value, const IbPoint& each) { return value < each.complexity; });
}

double IbCurve::expressivity_at(double complexity) const noexcept {
  if (std::isnan(complexity)) {
    return complexity;
  }
  if (complexity <= 0) {
    return 0;
  }
  const auto right = right_of(complexity);
  if (right == points_.end()) {
    return points_.back().expressivity;
  }
  const auto left = right - 1;
  const double share = (complexity - left->complexity) / (right->complexity - left->complexity);
  return left->expressivity + share * (right->expressivity - left->expressivity);
}

double IbCurve::slope_at(double complexity) const noexcept {
  if (std::isnan(complexity)) {
    return complexity;
  }
  const auto right = right_of(std::max(complexity, 0.0));
  if (right == points_.end()) {
    return 0;
  }
  const auto left = right - 1;
  return (right->expressivity - left->expressivity) / (right->complexity - left->complexity);
}

double IbCurve::efficiency_at(double complexity, std::int64_t anchors) const {
  INFOPLANE_CHECK(anchors >= 2, ArgumentError, "an efficiency needs at least 2 anchors, got ", anchors);
  const double scale = std::log(static_cast<double>(anchors));
  return expressivity_at(complexity * scale) / scale;
}

double IbCurve::gap(double complexity, double expressivity, std::int64_t anchors) const {
  return efficiency_at(complexity, anchors) - expressivity;
}

}  // namespace infoplane::bound
