#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "estimator/label_sums/label_set.hpp"
#include "estimator/statistics/entropy_kernels.hpp"
#include "estimator/statistics/label_totals.hpp"

namespace infoplane::estimator {

/// The pointwise surprisal of a token of a label, extrapolated like the label's entropies: −Σ_b p_b l_b of its row p,
/// where l are logarithms of the distributions of the label, of the token's replicate and of the halves that this
/// replicate is in. In float32, for errors.
class PointwiseSurprisal {
 public:
  explicit PointwiseSurprisal(const LabelSet& set);

  /// `weights`: of the whole, of each pair of replicates, and of replicates. `wanted`: the replicates that tokens will
  /// be of.
  void load(std::size_t slot, const LabelCounts& counts, const kernels::SplitWeights& weights,
            const std::array<bool, 4>& wanted);

  double operator()(const float* p, std::size_t replicate) const noexcept;

 private:
  const float* in_float32(std::uint32_t sum, std::vector<float>& copy);

  const LabelSet& set_;
  float scale_ = 1;
  bool whole_only_ = true;
  double whole_ = 1;                    // its weight
  std::array<const float*, 4> sums_{};  // by replicate
  std::vector<double> in_float64_;
  std::array<std::vector<float>, 4> copies_, logs_;  // by replicate
};

}  // namespace infoplane::estimator
