#pragma once

#include <cstdint>
#include <infoplane/bound/joint.hpp>
#include <infoplane/core/option.hpp>
#include <string>
#include <vector>

namespace infoplane::bound {

/// One channel X → T: what it keeps and at which trade-off it was found. In nats.
struct IbPoint {
  double complexity = 0;      ///< I(T;X)
  double expressivity = 0;    ///< I(T;Y)
  double beta = 0;            ///< multiplier of I(T;Y); 1/β is the slope of the curve. +Inf: nothing is left to gain
  std::int64_t clusters = 1;  ///< values of T that the channel uses
};

/// How finely a curve is solved.
struct IbCurveOptions {
  /// Most values that T takes. The soft assignment's channel has as many outputs as there are anchors.
  INFOPLANE_ARG(std::int64_t, clusters) = 100;
  /// Sweeps over β. The first comes down from one cluster a row (or as many as there may be), the second comes up from
  /// one cluster, and so on in turn, each from another start. All points go into one hull.
  INFOPLANE_ARG(std::int64_t, restarts) = 2;
  /// Starts of the sweeps follow from it; equal seeds give equal curves.
  INFOPLANE_ARG(std::uint64_t, seed) = 0;
  /// In nats: β is stepped so finely that the hull lies less than this below the tangents of its points.
  INFOPLANE_ARG(double, tolerance) = 2e-3;
  /// Of the self-consistent equations at one β.
  INFOPLANE_ARG(std::int64_t, max_iterations) = 400;
};

/// The Information Bottleneck curve of a joint distribution: I_IB(R) = max I(T;Y) over channels X → T with I(T;X) ≤ R
/// and at most m values of T.
///
/// Solved by the self-consistent equations p(t|x) ∝ p(t) exp(−β KL(p(y|x) ‖ p(y|t))) with annealing in β, their
/// iteration accelerated by SQUAREM (Varadhan and Roland 2008); then the concave hull of all channels that were found.
/// Every point of the hull can be reached (by switching between two channels), so the curve errs to the low side only:
/// by less than `tolerance()` where the sweeps found the best channel at each β. That cannot be proven, the problem
/// isn't convex; sweeps from several starts are what there is against it.
///
/// Cost: one iteration is 4·nonzeros·m flop and rows·m exponentials after merge_alike(), on one thread; a sweep takes
/// about a thousand of them. Memory: six arrays [columns, m] of doubles.
/// Source: Tishby, Pereira, Bialek, "The information bottleneck method" (physics/0004057).
class IbCurve {
 public:
  /// @throws ArgumentError if clusters or restarts are below 1, max_iterations below 1, or tolerance isn't above 0.
  static IbCurve solve(const Joint& joint, const IbCurveOptions& options = {});

  /// Reads what save() wrote. @throws IoError with the file and what is wrong; also if the curve is none of any joint.
  static IbCurve load(const std::string& path);
  /// Writes the curve as JSON; the file is replaced as a whole or not at all. @throws IoError
  void save(const std::string& path) const;

  /// I_IB at a complexity, both in nats. 0 where the complexity is not above 0, flat beyond the last point, NaN for
  /// NaN.
  double expressivity_at(double complexity) const noexcept;
  /// The same for an efficiency, which is nats / log `anchors`; the result is one too. For the curve's tolerance as
  /// one, divide it by log `anchors`.
  /// @throws ArgumentError if anchors is below 2.
  double efficiency_at(double complexity, std::int64_t anchors) const;
  /// dI_IB/dR there: how much an error of the complexity moves the bound. 0 beyond the last point.
  double slope_at(double complexity) const noexcept;
  /// I_IB(complexity) − expressivity for efficiencies; the result is one too. Negative where Z has seen more context
  /// than X.
  /// @throws ArgumentError if anchors is below 2.
  double gap(double complexity, double expressivity, std::int64_t anchors) const;

  /// Corners of the hull in rising complexity, from (0, 0).
  const std::vector<IbPoint>& points() const noexcept { return points_; }
  /// Largest distance of the hull from the tangents of its points, in nats; what solving left open.
  double tolerance() const noexcept { return tolerance_; }
  /// Most values that T could take (IbCurveOptions::clusters); 0 where the file is older and does not say.
  std::int64_t cluster_limit() const noexcept { return cluster_limit_; }
  /// H(X), H(Y) and I(X;Y) of the joint in nats.
  double row_entropy() const noexcept { return row_entropy_; }
  /// H(Y) of the joint in nats.
  double column_entropy() const noexcept { return column_entropy_; }
  /// I(X;Y) of the joint in nats.
  double information() const noexcept { return information_; }

 private:
  IbCurve() = default;
  /// Corner at the right end of the segment that holds the complexity.
  std::vector<IbPoint>::const_iterator right_of(double complexity) const noexcept;

  std::vector<IbPoint> points_;
  double tolerance_ = 0;
  std::int64_t cluster_limit_ = 0;
  double row_entropy_ = 0;
  double column_entropy_ = 0;
  double information_ = 0;
};

}  // namespace infoplane::bound
