#include "estimator/statistics/mixtures.hpp"

#include <algorithm>
#include <functional>

#include "estimator/statistics/label_statistics.hpp"

namespace infoplane::estimator {

Mixtures::Mixtures(const LabelSet& outputs)
    : outputs_(outputs),
      set_(outputs.name(), outputs.slots().key_width(), outputs.anchors(),
           SoftEntropyOptions().anchors(outputs.anchors())),
      slot_of_output_(outputs.slots().size(), kDropped) {
  set_.slots().own_table();
}

void Mixtures::add(std::uint32_t output, const Mixture& mixture) {
  std::uint32_t& slot = slot_of_output_[output];
  if (slot == kDropped) {
    slot = set_.slot_of_key(outputs_.slots().key(output));
    output_of_slot_.push_back(output);
  }
  const auto m = static_cast<std::size_t>(set_.anchors());
  if (mixture.halves[0] != nullptr && !halves_.contains(slot)) {
    std::vector<double> before(m, 0.0);
    for (const std::uint32_t sum : set_.replicates().sums(slot)) {
      if (sum != kNoSum) {
        set_.add_to(sum, before.data());
      }
    }
    halves_.emplace(slot, Halves{{before, before}});
  }
  for (const Mixture::Sum& sum : mixture.sums) {
    add_sum(slot, sum);
  }
  if (const auto found = halves_.find(slot); found != halves_.end()) {
    std::vector<double> added(m, 0.0);
    for (const Mixture::Sum& sum : mixture.sums) {
      std::transform(sum.values, sum.values + m, added.begin(), added.begin(), std::plus<>());
    }
    for (std::size_t which = 0; which < 2; ++which) {
      const double* const values = mixture.halves[which] != nullptr ? mixture.halves[which] : added.data();
      std::vector<double>& of = found->second.of[which];
      std::transform(values, values + m, of.begin(), of.begin(), std::plus<>());
    }
  }
}

void Mixtures::add_sum(std::uint32_t slot, const Mixture::Sum& sum) {
  const std::uint32_t number = set_.sum_of(slot, sum.replicate);
  if (!set_.counts().fits(number, sum.tokens)) {
    set_.make_large(number);
  }
  set_.host_sums().add(number, sum.values);
  set_.counts().add(number, sum.tokens, 0, sum.row_entropies);
}

void Mixtures::finish(std::span<const std::uint32_t> rows) {
  // How a label's tokens lie in sequences is known of all its tokens; here nearly all of them count.
  for (std::uint32_t slot = 0; slot < output_of_slot_.size(); ++slot) {
    for (std::size_t replicate = 0; replicate < Replicates::kCount; ++replicate) {
      const std::uint32_t own = set_.replicates().sums(slot)[replicate];
      const std::uint32_t theirs = outputs_.replicates().sums(output_of_slot_[slot])[replicate];
      if (own != kNoSum && theirs != kNoSum) {
        const auto share = static_cast<double>(set_.counts().tokens(own)) /
                           static_cast<double>(std::max<std::int64_t>(1, outputs_.counts().tokens(theirs)));
        set_.counts().add(own, 0, static_cast<float>(share * outputs_.counts().squares(theirs)), 0);
      }
    }
  }
  const std::vector<std::uint32_t> slot_of_sum = outputs_.replicates().slot_of_sum(outputs_.counts().size());
  for (const std::uint32_t row : rows) {
    const std::uint32_t sum = outputs_.sampled()[row];
    std::uint32_t own = kDropped;
    if (sum < kDropped && slot_of_sum[sum] != kNoSum && slot_of_output_[slot_of_sum[sum]] != kDropped) {
      const Replicates::Sums& theirs = outputs_.replicates().sums(slot_of_sum[sum]);
      const auto replicate = static_cast<std::size_t>(std::find(theirs.begin(), theirs.end(), sum) - theirs.begin());
      own = set_.replicates().sums(slot_of_output_[slot_of_sum[sum]])[replicate];
    }
    set_.sampled().push_back(own == kNoSum ? kDropped : own);
  }
}

double Mixtures::divergence() const {
  std::vector<std::int64_t> rows(output_of_slot_.size(), 0);
  const std::vector<std::uint32_t> slot_of_sum = set_.replicates().slot_of_sum(set_.counts().size());
  for (const std::uint32_t sum : set_.sampled()) {
    if (sum < kDropped) {
      ++rows[slot_of_sum[sum]];
    }
  }
  double total = 0;
  std::vector<double> scratch;
  for (std::uint32_t slot = 0; slot < output_of_slot_.size(); ++slot) {
    if (const auto found = halves_.find(slot); rows[slot] > 0 && found != halves_.end()) {
      total += static_cast<double>(rows[slot]) * jensen_shannon(found->second.of[0], found->second.of[1], scratch);
    }
  }
  return total;
}

}  // namespace infoplane::estimator
