#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "estimator/statistics/chance_level.hpp"
#include "estimator/statistics/label_totals.hpp"

namespace infoplane::estimator {

/// Extrapolates conditional entropies to infinitely many tokens a label, from what they are at all, half and a quarter
/// of the tokens. The bias of a label of n tokens is modelled as ρ β(e) + κ β(e)², with ρ and κ common to labels of
/// n ≥ 4 in [2^u, 2^(u+1)) and 0.2 of all labels; labels of fewer tokens take those of the first such bucket. β and e:
/// see `TokenBias`. That is the extrapolation of Strong et al. ("Entropy and information in neural spike trains",
/// 1998), with β in place of 1 / n.
class Extrapolation {
 public:
  Extrapolation(const LabelTotals& totals, const ChanceLevel& curve);

  /// Whether the labels determine ρ and κ.
  bool solved() const noexcept { return solved_; }
  /// Σ w (ρ β(e) + κ β(e)²), in nats.
  double correction() const noexcept;
  /// Derivatives of Σ w (ρ β + κ β²) by w (whole − halves) and by w (halves − quarters) of a label of n tokens.
  std::array<double, 2> gain(std::int64_t tokens) const noexcept;
  /// Variance of the part of Σ w (H + ρ β + κ β²) that is quadratic in the deviations of a label's parts, in nats².
  double second_order() const noexcept;
  /// With d_u = Σ w (β − ρ β − κ β²) over a bucket, in nats: Σ_u d_u² + Σ_u d_u d_{u−1}. That is how far what is
  /// removed is from what labels that say nothing would need, for which the model is exact, as a squared error that is
  /// correlated by ½ between neighbours and not beyond. Buckets that borrow ρ and κ count with the lender.
  double squared_distance_from_chance() const noexcept;
  /// Σ w² (H + ρ β + κ β² − mean)² over labels, where the mean is that over labels.
  double squared_residuals() const noexcept;

 private:
  struct Solution {
    double rho = 0;
    double kappa = 0;
    std::array<double, 4> inverse{};  // of the equations' matrix, by rows
    bool valid = false;
  };
  static Solution solve(const LabelTotals::Bucket& sums) noexcept;
  std::array<double, 2> gain_of_bucket(std::size_t bucket) const noexcept;

  LabelTotals totals_;
  std::array<Solution, LabelTotals::kBuckets> solutions_;
  std::array<std::array<double, 2>, LabelTotals::kBuckets> gains_{};
  std::array<double, 2> common_gain_{};
  std::size_t lender_ = 2;  // to labels of fewer tokens
  bool solved_ = false;
};

}  // namespace infoplane::estimator
