#include "estimator/statistics/pointwise_surprisal.hpp"

#include <algorithm>

namespace infoplane::estimator {

PointwiseSurprisal::PointwiseSurprisal(const LabelSet& set)
    : set_(set), in_float64_(static_cast<std::size_t>(set.anchors())) {
  copies_.fill(std::vector<float>(in_float64_.size()));
  logs_.fill(copies_[0]);
}

void PointwiseSurprisal::load(std::size_t slot, const LabelCounts& counts, const kernels::SplitWeights& weights,
                              const std::array<bool, 4>& wanted) {
  for (std::size_t replicate = 0; replicate < sums_.size(); ++replicate) {
    sums_[replicate] = counts.replicates[replicate] > 0
                           ? in_float32(set_.replicates().sums(slot)[replicate], copies_[replicate])
                           : nullptr;
  }
  scale_ = 1 / static_cast<float>(counts.tokens);
  whole_only_ = weights.pair == 0 && weights.part == 0;
  whole_ = static_cast<double>(weights.whole);
  if (!whole_only_) {
    std::array<float*, 4> logs{};
    for (std::size_t replicate = 0; replicate < logs.size(); ++replicate) {
      logs[replicate] = wanted[replicate] ? logs_[replicate].data() : nullptr;
    }
    kernels::split_logarithms(sums_, counts.replicates, set_.anchors(), weights, logs);
  }
}

double PointwiseSurprisal::operator()(const float* p, std::size_t replicate) const noexcept {
  return whole_only_ ? -whole_ * static_cast<double>(kernels::dot_logarithms(p, sums_, set_.anchors(), scale_))
                     : -static_cast<double>(kernels::dot(p, logs_[replicate].data(), set_.anchors()));
}

const float* PointwiseSurprisal::in_float32(std::uint32_t sum, std::vector<float>& copy) {
  if (const float* const values = set_.in_float32(sum)) {
    return values;
  }
  std::fill(in_float64_.begin(), in_float64_.end(), 0.0);
  set_.add_to(sum, in_float64_.data());
  std::transform(in_float64_.begin(), in_float64_.end(), copy.begin(),
                 [](double value) { return static_cast<float>(value); });
  return copy.data();
}

}  // namespace infoplane::estimator
