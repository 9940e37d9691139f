#pragma once

#include <cstdint>
#include <vector>

namespace infoplane::estimator {

/// What the statistics of one label set must be, by plain loops in float64 over all tokens: for a stream of no more
/// tokens than the sample holds, so that the sample is the stream.
struct StatisticsOracle {
  double null = 0;       ///< in nats
  double corrected = 0;  ///< in nats
  double entropy = 0;    ///< H(Z), corrected

  /// `rows`: soft assignments; `labels`; `sequences` of the tokens, ascending; `order`: the tokens in the order of the
  /// sample; `start`: the part that the first sequence of each label goes to.
  StatisticsOracle(const std::vector<std::vector<double>>& rows, const std::vector<std::int64_t>& labels,
                   const std::vector<std::int64_t>& sequences, const std::vector<std::size_t>& order,
                   const std::vector<std::size_t>& start);
};

}  // namespace infoplane::estimator
