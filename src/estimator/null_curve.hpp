#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace infoplane::estimator {

/// How much too low the entropy of a mean of few soft assignments is, where labels say nothing about them.
///
///     h0(n) = E H(mean of n rows drawn from the stream),  β(n) = H* − h0(n),  H* = H(Z) + T / (2 N)
///
/// with T = Σ_b Var_b / P_b. h0 is measured on disjoint groups of a sample, for n = 1, 2, 4, … up to a quarter of its
/// rows; between these β is linear in log n, beyond them it is T / (2 n), its leading term.
class NullCurve {
 public:
  /// `rows`: a sample of m probabilities each, in random order; `sums`: of all `tokens` rows.
  NullCurve(std::span<const float* const> rows, std::span<const double> sums, std::int64_t tokens);

  /// H*: H(Z) without its own bias, in nats.
  double entropy() const noexcept { return entropy_; }
  /// β(n), in nats.
  double bias(std::int64_t n) const noexcept;

 private:
  double entropy_;
  double spread_;              // T
  std::vector<double> knots_;  // β(1), β(2), β(4), …
  std::vector<double> table_;  // β(0 … 511), for speed
  double between_knots(std::int64_t n) const noexcept;
};

}  // namespace infoplane::estimator
