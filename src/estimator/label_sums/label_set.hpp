#pragma once

#include <cstdint>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <infoplane/labels/grouping.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "estimator/device/device_label_sums.hpp"
#include "estimator/label_sums/host_label_sums.hpp"
#include "estimator/label_sums/label_slots.hpp"
#include "estimator/label_sums/replicates.hpp"
#include "estimator/label_sums/token_counts.hpp"
#include "estimator/label_sums/update_plan.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// One label set of an accumulator: which labels are kept, the replicates of each, how many tokens those have, and
/// their sums. Tokens of labels that are not kept are summed together, for H(Z).
///
/// An update is planned, which makes room for all that it needs and changes no sum and no count, and then committed,
/// which cannot fail. A label that was seen once costs 4 m + 48 bytes, beside its key: in a
/// table that layers share where labels come as groupings, else in one of the set's own (8 bytes an integer, and 13 to
/// 26).
class LabelSet {
 public:
  /// @throws ArgumentError where the width of a key is impossible.
  LabelSet(std::string name, int key_width, std::int64_t anchors, const SoftEntropyOptions& options);
  /// Of one whose sums are on the host.
  LabelSet(const LabelSet& other);
  LabelSet& operator=(const LabelSet&) = delete;
  ~LabelSet() = default;

  const std::string& name() const noexcept { return name_; }
  const LabelSlots& slots() const noexcept { return slots_; }
  const Replicates& replicates() const noexcept { return replicates_; }
  const TokenCounts& counts() const noexcept { return counts_; }
  const LabelSums& sums() const noexcept { return device_ ? static_cast<const LabelSums&>(*device_) : host_; }
  std::int64_t anchors() const noexcept { return host_.anchors(); }

  /// With a label of this set.
  std::int64_t tokens() const noexcept { return counts_.all_tokens() + dropped_tokens_; }
  std::int64_t tokens_of(std::size_t slot) const noexcept;
  std::int64_t dropped_tokens() const noexcept { return dropped_tokens_; }
  /// The sum in float32, or null where it is not.
  const float* in_float32(std::uint32_t sum) const noexcept { return sums().in_float32(sum, counts_.is_large(sum)); }
  void add_to(std::uint32_t sum, double* into) const noexcept;
  std::int64_t memory_bytes() const noexcept;

  /// Back to one that has seen nothing, with its memory on the host.
  void clear() noexcept;

  /// Plans the labels of a batch, where `used` is set.
  UpdatePlan plan(const labels::LabelAssignment& assignment, const UsedTokens& batch);
  /// The same for integer labels; −1 and −100 are none.
  UpdatePlan plan(std::span<const std::int64_t> labels, const UsedTokens& batch);
  /// Counts the tokens of a plan, whose assignments have these entropies, and remembers the labels of the rows that the
  /// sample took.
  void commit(const UpdatePlan& plan, std::span<const float> row_entropies, std::span<const Reservoir::Pick> picks,
              std::uint32_t sample_size) noexcept;
  /// Forgets the labels of rows that left the sample, in a batch without this set.
  void skip(std::span<const Reservoir::Pick> picks) noexcept;
  /// Drops labels until no more than `max_labels` are left.
  void drop_beyond_limit() noexcept;

  /// By row of the sample: the sum that it was added to, kDropped, or kNoSum where it has no label.
  const std::vector<std::uint32_t>& sampled() const noexcept { return sampled_; }
  bool has_label(std::uint32_t sample_row) const noexcept {
    return sample_row < sampled_.size() && sampled_[sample_row] != kNoSum;
  }

  // For merging and storing.
  LabelSlots& slots() noexcept { return slots_; }
  Replicates& replicates() noexcept { return replicates_; }
  TokenCounts& counts() noexcept { return counts_; }
  HostLabelSums& host_sums() noexcept { return host_; }
  const HostLabelSums& host_sums() const noexcept { return host_; }
  std::vector<std::uint32_t>& sampled() noexcept { return sampled_; }
  void set_dropped_tokens(std::int64_t tokens) noexcept { dropped_tokens_ = tokens; }
  /// The slot of a label, with room for its replicates; kDropped where it is not kept.
  std::uint32_t slot_of_key(std::span<const std::int64_t> key);
  /// The number of the sum of a replicate, a new one where it has none.
  std::uint32_t sum_of(std::uint32_t slot, std::uint32_t replicate);
  void make_large(std::uint32_t sum);
  void reserve_for_dropping();
  /// There must be room.
  void drop_to_level(int level) noexcept;

  // Sums on a device.
  DeviceLabelSums* on_device() const noexcept { return device_.get(); }
  /// Queues the way of all sums to a device; afterwards they are there.
  void move_to_device(cuda::Device& device, void* stream);
  /// Sums that were queued by DeviceLabelSums::start_move_to_host() have come.
  void finish_move_to_host(const cuda::Memory& pinned);
  /// Queues what statistics need from the device; all sums if `whole`.
  void request(cuda::Device& device, void* stream, bool whole);

 private:
  LabelSums& mutable_sums() noexcept { return device_ ? static_cast<LabelSums&>(*device_) : host_; }
  template <typename KeyOf>
  void plan_level(const UsedTokens& batch, const KeyOf& key_of);
  /// From the slot of each token to its entry. `labels`: null where they come as integers.
  void plan_sums(UpdatePlan& plan, const labels::LabelAssignment* labels, const UsedTokens& batch);

  std::string name_;
  LabelSlots slots_;
  Replicates replicates_;
  TokenCounts counts_;
  HostLabelSums host_;
  std::unique_ptr<DeviceLabelSums> device_;  // where the sums are instead
  std::int64_t dropped_tokens_ = 0;          // of labels that are not kept
  std::vector<std::uint32_t> sampled_;
};

}  // namespace infoplane::estimator
