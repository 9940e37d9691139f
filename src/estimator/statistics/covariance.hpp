#pragma once

#include <cstdint>
#include <infoplane/estimator/estimate.hpp>
#include <span>
#include <vector>

#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// Covariances of values from their influences on the rows of a sample: value − truth = Σ influence over all `tokens`
/// rows of the stream. Influences are centred here. A pair of different rows of one sequence is in the sample less
/// often than one row, and counts for more. `second_order` is the variance of each value's part that is quadratic in
/// the rows; the influences of both rows of a pair hold it (Efron and Stein, "The jackknife estimate of variance").
/// `other` is variance of each value that no row shows: of a sample of labels, of a model.
Covariance covariance(const Reservoir& sample, std::int64_t tokens, std::vector<std::vector<double>> influences,
                      std::span<const double> second_order, std::span<const double> other);

/// How the assignments of a stream vary between its sequences.
struct Spread {
  double entropy_bias = 0;  ///< how much H(Z) comes out too low: ½ Σ_b Var(P_b) / P_b in nats
  double correlation = 0;   ///< of two tokens of one sequence, in [0, 1]
};

/// `rows`: which rows of the sample are meant; `sums`: of all of these in the stream, which are `tokens`.
Spread spread_between_sequences(const Reservoir& sample, std::span<const std::uint32_t> rows,
                                std::span<const double> sums, std::int64_t tokens);

}  // namespace infoplane::estimator
