#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "estimator/label_sums/label_set.hpp"
#include "estimator/statistics/channel.hpp"

namespace infoplane::estimator {

/// Mixtures Q_y = Σ_x p(x|y) P_x of the labels y of an owner, as a label set whose "soft assignments" are P_x(i) at
/// each position i with both labels: what is estimated of a label set can then be estimated of it.
class Mixtures {
 public:
  /// `outputs`: the set of the labels, borrowed.
  explicit Mixtures(const LabelSet& outputs);

  /// Adds what an owner of x knows of a label, by its slot in the set of outputs.
  void add(std::uint32_t output, const Mixture& mixture);
  /// After all were added. `rows`: of the outputs' sample, those that the set of mixtures has as its sample, in order.
  void finish(std::span<const std::uint32_t> rows);

  const LabelSet& set() const noexcept { return set_; }
  /// By slot in the set of outputs; kDropped where nothing was added.
  std::uint32_t slot_of(std::uint32_t output) const noexcept { return slot_of_output_[output]; }
  /// Over the rows of the sample with a label that is here: the Jensen-Shannon divergence of Q_y from the halves of
  /// P_x, in nats.
  double divergence() const;

 private:
  void add_sum(std::uint32_t slot, const Mixture::Sum& sum);

  const LabelSet& outputs_;
  LabelSet set_;
  std::vector<std::uint32_t> slot_of_output_;
  std::vector<std::uint32_t> output_of_slot_;
  struct Halves {
    std::vector<double> of[2];
  };
  std::unordered_map<std::uint32_t, Halves> halves_;  // by slot; a label without them has none that differ
};

}  // namespace infoplane::estimator
