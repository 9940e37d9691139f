#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace infoplane::estimator {

/// Covariances of the values of an estimate, in nats², between sequences. Values are paired: two sets of one
/// accumulator share their tokens, so the error of a ratio is smaller than its parts suggest.
class Covariance {
 public:
  /// What has an error: H(Z) and I(context;Z) over all rows, then of each set H(Z), its information, and I(context;Z)
  /// over its positions, then what goes through X of each pair of sets.
  static constexpr std::size_t kEntropy = 0;
  /// Number of I(context;Z) over all rows.
  static constexpr std::size_t kContext = 1;
  /// Number of the H(Z) of a set.
  static constexpr std::size_t entropy_of(std::size_t set) noexcept { return 2 + 3 * set; }
  /// Number of the information of a set.
  static constexpr std::size_t information_of(std::size_t set) noexcept { return 3 + 3 * set; }
  /// Number of I(context;Z) over the positions of a set.
  static constexpr std::size_t context_of(std::size_t set) noexcept { return 4 + 3 * set; }
  /// Number of I(Y;B̄) of a pair, of an estimate of `sets` sets.
  static constexpr std::size_t through_of(std::size_t pair, std::size_t sets) noexcept { return 2 + 3 * sets + pair; }

  Covariance() = default;
  /// Of `values` values: what tokens give if they were independent, and what tokens of one sequence add; row-major.
  Covariance(std::size_t values, std::vector<double> tokens, std::vector<double> sequences)
      : values_(values), tokens_(std::move(tokens)), sequences_(std::move(sequences)) {}

  /// Whether nothing is known, as below 2 sequences.
  bool empty() const noexcept { return values_ == 0; }

  /// Variance of Σ c_k · value_k over pairs (k, c_k); that tokens of one sequence are not independent never lowers it.
  /// NaN where empty.
  double variance(std::span<const std::pair<std::size_t, double>> combination) const noexcept {
    if (empty()) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    double tokens = 0;
    double sequences = 0;
    for (const auto& [i, a] : combination) {
      for (const auto& [j, b] : combination) {
        tokens += a * b * tokens_[i * values_ + j];
        sequences += a * b * sequences_[i * values_ + j];
      }
    }
    return tokens + (sequences < 0 ? 0.0 : sequences);  // NaN stays NaN
  }

 private:
  std::size_t values_ = 0;
  std::vector<double> tokens_;
  std::vector<double> sequences_;
};

}  // namespace infoplane::estimator
