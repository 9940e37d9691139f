#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "estimator/null_curve.hpp"
#include "estimator/pairs.hpp"
#include "estimator/totals.hpp"

namespace infoplane::estimator {

/// What one label contributes to a conditional entropy.
struct LabelEntropy {
  std::uint32_t slot;
  std::int64_t tokens;                ///< n
  std::array<std::int64_t, 4> parts;  ///< tokens of its four parts
  std::array<float, 4> squares;       ///< of each part: Σ over sequences of (its tokens of the sequence)²
  double weight;                      ///< w; all weights of a set sum to 1
  double whole;                       ///< H of all tokens, in nats
  double halves;                      ///< mean H of two parts together, weighted by their tokens, over all six pairs
  double quarters;                    ///< mean H of a part, weighted by their tokens
  double noise;                       ///< variance of mean H of two halves, between the three ways to halve
};

/// Extrapolates conditional entropies to infinitely many tokens a label, from what they are at all, half and a quarter
/// of the tokens. The bias of a label of n tokens is modelled as ρ β(e) + κ β(e)², with ρ and κ common to labels of
/// n ≥ 4 in [2^u, 2^(u+1)) and 0.2 of all labels; labels of fewer tokens take those of the first such bucket.
///
/// e is the number of independent tokens that are worth as much: n / (1 + c (Σ k² / n − 1)), where k are the tokens of
/// the label in each sequence and c is the correlation of assignments in a sequence (Kish's design effect).
class Extrapolation {
 public:
  static constexpr std::int64_t kFewest = 4;  ///< tokens of a label that can be extrapolated from

  /// Puts what the labels add to the equations; they are solved by `solve` once the totals are summed.
  Extrapolation(std::span<const LabelEntropy> labels, const NullCurve& curve, double correlation, Totals& totals);
  void solve(Totals& totals);

  /// Whether the labels determine ρ and κ.
  bool solved() const noexcept { return solved_; }
  /// ρ β(e) + κ β(e)², in nats.
  double correction(const LabelEntropy& label) const noexcept;
  /// Derivatives of Σ w (ρ β + κ β²) by w (whole − halves) and by w (halves − quarters) of a label of n tokens.
  std::array<double, 2> gain(std::int64_t tokens) const noexcept;
  /// Variance of the part of Σ w (H + ρ β + κ β²) that is quadratic in the deviations of a label's parts, in nats².
  double second_order(const LabelEntropy& label) const noexcept;

 private:
  struct Solution {
    double rho = 0;
    double kappa = 0;
    std::array<double, 4> inverse{};  // of the equations' matrix, by rows
    bool valid = false;
  };
  struct Sums {
    double a11 = 0, a12 = 0, a21 = 0, a22 = 0;
    double d1 = 0, d2 = 0;
    double b1 = 0, b2 = 0;  // Σ w β and Σ w β² over the labels that use the solution
    void add(const Sums& other, double share) noexcept;
    Solution solve() const noexcept;
  };
  static constexpr std::size_t kBuckets = 64;
  static std::size_t bucket(std::int64_t tokens) noexcept;

  double bias(std::int64_t tokens, float squares) const noexcept;
  double bias(const LabelEntropy& label) const noexcept;

  const NullCurve& curve_;
  double correlation_;
  bool biased_;  // not all tokens are alike
  std::array<Solution, kBuckets> solutions_;
  std::array<std::array<double, 2>, kBuckets> gains_{};
  std::array<double, 2> common_gain_{};
  bool solved_ = false;
};

}  // namespace infoplane::estimator
