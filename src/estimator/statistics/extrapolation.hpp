#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "estimator/statistics/chance_level.hpp"
#include "estimator/statistics/label_totals.hpp"

namespace infoplane::estimator {

/// Extrapolates conditional entropies to infinitely many tokens a label. The bias of a label of n tokens, e of them
/// independent (`TokenBias`), is modelled as
///
///     b = β(e) − δ (β(e) − τ β(e)²),   τ β(1) = t √(1 − x),   δ = x / (1 − τ β(1)),
///
/// where x in [0, 1] is how much less bias than by chance a single token of the label has: 0 where labels say nothing,
/// 1 where its tokens are alike. Labels of n in [2^u, 2^(u+1)) share x, which follows from how their entropy grows from
/// single tokens to all of them, and all labels of a set share t, which says how much of that growth is still to come.
/// t follows from how entropies of 4 to 255 tokens grow from half of the tokens to all, as far as their noise allows,
/// and from what it was elsewhere. It extends the extrapolation of Strong et al. ("Entropy and information in neural
/// spike trains", 1998), which has ρ and κ of each n to itself, with β in place of 1 / n.
///
/// Labels of one token have no growth. Their x is that of labels of 2 and 3 tokens, and as much farther as these are
/// from those of 4 to 7, where that is more than noise: what is seen once is rarer than what is seen twice.
class Extrapolation {
 public:
  Extrapolation(const LabelTotals& totals, const ChanceLevel& curve);

  /// Whether a label shows growth.
  bool solved() const noexcept { return solved_; }
  /// Mean of b over labels by weight, in nats.
  double correction() const noexcept;
  /// Derivatives of Σ w b by w g and by w (H − H_halves) of a label of n tokens; see `LabelTotals`.
  struct Gain {
    double growth = 0;
    double half = 0;
  };
  Gain gain(std::int64_t tokens) const noexcept;
  /// ρ β + κ β² of a label of n tokens: b of `all`, and the growth that is expected of `growth` and `half`.
  double of(std::int64_t tokens, const LabelBiases::Powers& powers) const noexcept;
  /// Variance of the part of Σ w (H + b) that is quadratic in the deviations of a label's parts, in nats².
  double second_order() const noexcept;
  /// Squared error that the model is expected to have, in nats².
  double squared_model_error() const noexcept;
  /// Σ w² (H + b − mean)² over labels, where the mean is that over labels.
  double squared_residuals() const noexcept;

 private:
  using Bucket = LabelTotals::Bucket;
  /// What the labels of a bucket have, as it was solved or borrowed.
  struct Solution {
    double x = 0;
    double rho = 0, kappa = 0;   // b = ρ β + κ β²
    bool own = false;            // solved from their own growth
    double slope_of_growth = 0;  // ∂x / ∂ Σ w g
    double slope_of_shape = 0;   // ∂x / ∂t
    double variance = 0;         // of x, from label to label
  };
  /// ρ = 1 − δ and κ = δ τ.
  std::array<double, 2> coefficients(double x, double shape) const noexcept;
  /// δ (Σ w β − τ Σ w β²), of sums over β and β².
  double missing(double x, double shape, double first, double second) const noexcept;
  double solve(const Bucket& sums, double shape) const noexcept;
  Solution solved(const Bucket& sums) const noexcept;
  double misfit(double shape) const noexcept;
  bool tells_shape(std::size_t bucket) const noexcept;
  void fit_shape();
  void borrow();
  void differentiate();

  LabelTotals totals_;
  double at_one_ = 0;  // β(1)
  double shape_ = 0;   // t
  double most_shape_ = 0;
  double misfit_slope_ = 0;       // of the misfit of t, over its variance
  double precision_ = 1;          // of t
  double squared_tolerance_ = 0;  // of the misfit
  std::array<Solution, LabelTotals::kBuckets> solutions_;
  std::array<Gain, LabelTotals::kBuckets> gains_{};
  double gain_of_shape_ = 0;  // derivative of Σ w b by t
  std::size_t lender_ = 0;    // the rarest labels of 4 tokens or more that have their own x
  double kept_ = 1;           // of the difference of labels of 2 and 3 tokens from those
  double farther_ = 0;        // how much of it labels of one token are farther
  bool solved_ = false;
};

}  // namespace infoplane::estimator
