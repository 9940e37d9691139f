#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// How much too low the entropy of a mean of few soft assignments is, where labels say nothing about them: from it
/// follows what information labels seem to have by chance.
///
///     h0(n) = E H(mean of n rows drawn from the stream),  β(n) = H* − h0(n),  H* = H + T / (2 R)
///
/// with T = Σ_b Var_b / P_b, and H that of all R rows of a sample. h0 is measured on groups of the sample, for n = 1,
/// 2, 4, … up to a quarter of its rows: disjoint ones, in several permutations. Between these log β is a cubic in log n
/// through the four next to it: a straight line would miss β(3) by 0.2 %, which labels of 2 and 3 tokens would take for
/// a tenth of what they say. Beyond them β is T / (2 n), its leading term: the correction of Miller and Madow (Miller,
/// "Note on the bias of information estimates", 1955), which it is for hard assignments, where T is m − 1. With leading
/// terms alone, the chance level of an information would be the bias of Panzeri and Treves ("Analytical estimates of
/// limited sampling biases in different information measures", 1996).
class ChanceLevel {
 public:
  static constexpr std::size_t kPermutations = 16;
  /// `rows`: rows of the sample, in random order, of `anchors` probabilities each; `permutations`: of large groups, 4
  /// or more.
  ChanceLevel(const Reservoir& sample, std::span<const std::uint32_t> rows, std::size_t anchors,
              std::size_t permutations = kPermutations);

  /// T / (2 N): what H(Z) of N tokens is too low by.
  double bias_of_all(std::int64_t tokens) const noexcept { return spread_ / (2 * static_cast<double>(tokens)); }
  /// β(n) in nats, for n ≥ 1; linear between eighths.
  double bias(double n) const noexcept;

 private:
  double spread_ = 0;          // T
  std::vector<double> knots_;  // β(1), β(2), β(4), …
  std::vector<double> table_;  // β(n / 8), for speed
  double between_knots(double n) const noexcept;
};

}  // namespace infoplane::estimator
