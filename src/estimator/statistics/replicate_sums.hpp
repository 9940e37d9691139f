#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "estimator/label_sums/label_set.hpp"
#include "estimator/statistics/entropy.hpp"
#include "estimator/statistics/entropy_kernels.hpp"
#include "estimator/statistics/replicate_pairs.hpp"

namespace infoplane::estimator {

/// The sums of a label's four replicates, of each pair of them, and of all, in float64: where some are large, and where
/// sums themselves are wanted.
struct ReplicateSums {
  static constexpr std::size_t kHalf = Replicates::kCount;
  static constexpr std::size_t kAll = kHalf + kReplicatePairs.size();
  std::array<std::int64_t, kAll + 1> tokens{};
  std::array<std::vector<double>, kAll + 1> sums;

  explicit ReplicateSums(std::int64_t anchors) { sums.fill(std::vector<double>(static_cast<std::size_t>(anchors))); }

  void load(const LabelSet& set, std::size_t slot) {
    for (std::size_t replicate = 0; replicate < kHalf; ++replicate) {
      std::fill(sums[replicate].begin(), sums[replicate].end(), 0.0);
      const std::uint32_t sum = set.replicates().sums(slot)[replicate];
      tokens[replicate] = sum == kNoSum ? 0 : set.counts().tokens(sum);
      if (tokens[replicate] > 0) {
        set.add_to(sum, sums[replicate].data());
      }
    }
    for (std::size_t pair = 0; pair < kReplicatePairs.size(); ++pair) {
      join(kReplicatePairs[pair][0], kReplicatePairs[pair][1], kHalf + pair);
    }
    join(kHalf, kHalf + 1, kAll);
  }
  double entropy(std::size_t of) const { return entropy_of_sums(sums[of]); }
  kernels::SplitEntropies split() const {
    kernels::SplitEntropies result{};
    for (std::size_t i = 0; i < kAll; ++i) {
      (i < kHalf ? result.rows[i] : result.pairs[i - kHalf]) = tokens[i] > 0 ? entropy(i) : 0.0;
    }
    return result;
  }

 private:
  void join(std::size_t a, std::size_t b, std::size_t into) {
    std::transform(sums[a].begin(), sums[a].end(), sums[b].begin(), sums[into].begin(), std::plus<>());
    tokens[into] = tokens[a] + tokens[b];
  }
};

}  // namespace infoplane::estimator
