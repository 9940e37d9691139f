#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace infoplane::estimator {

/// Information between one label set and the representation, over the positions that carry a label of the set.
/// Values in nats; divided by log m they are efficiencies in [0, 1].
struct InformationEstimate {
  std::string name;                     ///< label set, such as "input_unigram"
  std::int64_t tokens = 0;              ///< N: positions with a label of this set
  std::int64_t labels = 0;              ///< distinct labels among them
  double entropy_nats = 0;              ///< H(Z) over these positions
  double conditional_entropy_nats = 0;  ///< Σ_x w_x H(Z|x)
  double information_nats = 0;          ///< H(Z) − Σ_x w_x H(Z|x); NaN over no tokens
};

/// What an accumulator says about one layer.
struct Estimate {
  std::int64_t tokens = 0;    ///< rows that counted
  std::int64_t rejected = 0;  ///< rows with a NaN, an Inf or norm 0: in no sum
  std::int64_t anchors = 0;   ///< m
  double entropy_nats = 0;    ///< H(Z) over all rows that counted; NaN over no tokens
  std::vector<InformationEstimate> sets;
};

}  // namespace infoplane::estimator
