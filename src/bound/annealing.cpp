#include "bound/annealing.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <infoplane/core/hash.hpp>
#include <utility>

#include "bound/concave_hull.hpp"
#include "bound/self_consistent.hpp"

namespace infoplane::bound {
namespace {

constexpr double kHighestBeta = 1024;
constexpr double kLowestBeta = 1;        // the curve is nowhere steeper than 1
constexpr double kLongestStep = 0.6931;  // of log β
constexpr double kFineStep = 0.2;        // the longest where the tolerance is kFineTolerance or less
constexpr double kFineTolerance = 2e-3;  // nats
constexpr double kShortestStep = 0.01;   // of log β
constexpr double kAim = 0.25;            // of the tolerance: the gap that the next step shall have
constexpr double kResolution = 2e-4;     // of the tolerance: when iterations stand still
constexpr double kFarthest = 0.7;  // of the last step: so far ahead a start is taken. Beyond, it misses the optimum
constexpr double kNothing = 1e-9;  // nats

/// Walks β from one end to the other; steps shrink where the curve bends and grow where it doesn't.
class Sweep {
 public:
  Sweep(const Joint& joint, const IbCurveOptions& options, Method method, std::vector<IbPoint>& points)
      : equations_(joint),
        stop_{options.tolerance() * kResolution, options.max_iterations()},
        tolerance_(options.tolerance()),
        longest_step_(std::min(kFineStep * std::sqrt(std::max(tolerance_ / kFineTolerance, 1.0)), kLongestStep)),
        step_(longest_step_),
        method_(method),
        points_(&points) {}

  void down(Clusters start) {
    clusters_ = std::move(start);
    begin(std::log(kHighestBeta));
    while (at_ > std::log(kLowestBeta) && point_.complexity >= kNothing && clusters_.count >= 2) {
      advance([&](double step) { return std::max(at_ - step, std::log(kLowestBeta)); },
              [&](const Clusters& before, double length) {
                ahead(before, length);
                soften(clusters_, equations_.joint());
              },
              [&](const IbPoint& found) { return tangent_gap(found, point_); });
      const auto into = alike(clusters_, equations_.joint());
      clusters_ = joined(clusters_, into);
      earlier_ = joined(earlier_, into);
    }
  }

  void up(Clusters start, std::uint64_t seed) {
    clusters_ = std::move(start);
    begin(std::log(kLowestBeta));
    for (std::uint64_t number = 0; at_ < std::log(kHighestBeta); ++number) {
      advance([&](double step) { return std::min(at_ + step, std::log(kHighestBeta)); },
              [&](const Clusters&, double) { shake(clusters_, splitmix64(seed) + number); },
              [&](const IbPoint& found) { return tangent_gap(point_, found); });
    }
  }

 private:
  void begin(double log_beta) {
    at_ = log_beta;
    point_ = solve(log_beta);
  }

  IbPoint solve(double log_beta) {
    points_->push_back(solve_at(equations_, std::exp(log_beta), stop_, method_, clusters_));
    return points_->back();
  }

  /// Starts where the last two solutions point to. On the way up clusters part, which nothing before points to.
  void ahead(const Clusters& before, double length) {
    if (earlier_.count > 0 && method_ == Method::kAccelerated) {
      clusters_ = extrapolated(earlier_, before, std::min(length / length_, kFarthest));
    }
  }

  /// Solves at the next β, which comes nearer until the gap between the two tangents is within the tolerance.
  template <typename Next, typename Start, typename Gap>
  void advance(const Next& next_after, const Start& start, const Gap& gap_to) {
    const Clusters before = clusters_;
    for (;;) {
      const double next = next_after(step_);
      clusters_ = before;
      start(before, std::abs(next - at_));
      const auto found = solve(next);
      const double gap = gap_to(found);
      const bool within = gap <= tolerance_ || step_ <= kShortestStep;
      // The gap grows with the square of the step.
      const double factor = gap > 0 ? std::sqrt(kAim * tolerance_ / gap) : kLongestStep / kShortestStep;
      step_ *= within ? std::clamp(factor, 0.5, 1.5) : std::clamp(factor, 0.25, 0.7);
      step_ = std::clamp(step_, kShortestStep, longest_step_);
      if (within) {
        length_ = std::abs(next - at_);
        at_ = next;
        point_ = found;
        break;
      }
    }
    earlier_ = before;
  }

  SelfConsistent equations_;
  Stop stop_;
  double tolerance_;
  double longest_step_;  // the gap grows with its square
  double step_;
  Method method_;
  std::vector<IbPoint>* points_;
  Clusters clusters_;
  Clusters earlier_;   // the solution before the last, of as many clusters
  IbPoint point_;      // of the last solution
  double at_ = 0;      // its log β
  double length_ = 0;  // of the step to it
};

}  // namespace

std::vector<IbPoint> anneal(const Joint& joint, const IbCurveOptions& options, Method method) {
  std::vector<IbPoint> points;
  for (std::int64_t restart = 0; restart < options.restarts(); ++restart) {
    const auto round = static_cast<std::uint64_t>(restart / 2);
    const auto seed = round == 0 ? options.seed() : splitmix64(options.seed() + round);
    Sweep sweep(joint, options, method, points);
    if (restart % 2 == 0) {
      sweep.down(start_apart(joint, options.clusters(), seed));
    } else {
      sweep.up(start_together(joint, options.clusters(), seed), seed);
    }
  }
  return points;
}

}  // namespace infoplane::bound
