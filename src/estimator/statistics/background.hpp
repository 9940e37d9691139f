#pragma once

#include <cstdint>
#include <span>

#include "estimator/statistics/chance_level.hpp"
#include "estimator/statistics/covariance.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// What rows are like, whatever their labels.
struct Background {
  ChanceLevel curve;
  Spread spread;

  /// `rows`: of the sample, in random order; `sums`: of the `tokens` rows of the stream that they stand for.
  Background(const Reservoir& sample, std::span<const std::uint32_t> rows, std::span<const double> sums,
             std::int64_t tokens, std::size_t permutations = ChanceLevel::kPermutations)
      : curve(sample, rows, sums.size(), permutations), spread(spread_between_sequences(sample, rows, sums, tokens)) {}
};

}  // namespace infoplane::estimator
