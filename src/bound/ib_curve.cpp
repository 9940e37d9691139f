#include <algorithm>
#include <cmath>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/core/hash.hpp>
#include <limits>

#include "bound/concave_hull.hpp"
#include "bound/self_consistent.hpp"

namespace infoplane::bound {
namespace {

constexpr double kHighestBeta = 1024;
constexpr double kLowestBeta = 1;        // the curve is nowhere steeper than 1
constexpr double kLongestStep = 0.6931;  // of log β
constexpr double kShortestStep = 0.01;
constexpr double kResolution = 1e-3;  // of the tolerance: when an iteration stands still
constexpr double kNothing = 1e-9;     // nats

/// Walks β from one end to the other; steps shrink where the curve bends and grow where it doesn't.
void sweep(SelfConsistent& equations, bool down, const IbCurveOptions& options, std::uint64_t seed,
           std::vector<IbPoint>& points) {
  const double resolution = options.tolerance() * kResolution;
  const double first = down ? std::log(kHighestBeta) : std::log(kLowestBeta);
  const double last = down ? std::log(kLowestBeta) : std::log(kHighestBeta);
  auto point = equations.solve(std::exp(first), resolution, options.max_iterations());
  points.push_back(point);
  double at = first;
  double step = kLongestStep;
  for (std::uint64_t number = 0; at != last; ++number) {
    const auto before = equations.state();
    double next = 0;
    IbPoint found;
    for (;;) {
      next = down ? std::max(at - step, last) : std::min(at + step, last);
      if (down) {
        equations.soften();
      } else {
        equations.shake(splitmix64(seed) + number);
      }
      found = equations.solve(std::exp(next), resolution, options.max_iterations());
      points.push_back(found);
      const double gap = down ? tangent_gap(found, point) : tangent_gap(point, found);
      if (gap <= options.tolerance() || step <= kShortestStep) {
        step = std::min(gap < options.tolerance() / 4 ? step * 1.5 : step, kLongestStep);
        break;
      }
      step = std::max(step / 2, kShortestStep);
      equations.restore(before);
    }
    at = next;
    point = found;
    if (down) {
      equations.join();
      if (point.complexity < kNothing || equations.clusters() < 2) {
        break;
      }
    }
  }
}

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
  if (small.rows() <= options.clusters()) {
    // T = the minimal sufficient statistic.
    points.push_back({small.row_entropy(), small.information(), std::numeric_limits<double>::infinity(), small.rows()});
  }
  if (small.rows() > 1 && options.clusters() > 1 && curve.information_ > kNothing) {
    for (std::int64_t restart = 0; restart < options.restarts(); ++restart) {
      SelfConsistent equations(small);
      const auto round = static_cast<std::uint64_t>(restart / 2);
      const auto seed = round == 0 ? options.seed() : splitmix64(options.seed() + round);
      const bool down = restart % 2 == 0;
      if (down) {
        equations.start_apart(options.clusters(), seed);
      } else {
        equations.start_together(options.clusters(), seed);
      }
      sweep(equations, down, options, seed, points);
    }
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
