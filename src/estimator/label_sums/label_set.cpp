#include "estimator/label_sums/label_set.hpp"

#include <algorithm>

#include "estimator/label_sums/growth.hpp"

namespace infoplane::estimator {
namespace {

bool is_label(std::int64_t label) noexcept { return label != -1 && label != -100; }

}  // namespace

LabelSet::LabelSet(std::string name, int key_width, std::int64_t anchors, const SoftEntropyOptions& options)
    : name_(std::move(name)),
      slots_(name_, key_width, options.max_labels()),
      replicates_(options.stream()),
      host_(anchors) {}

LabelSet::LabelSet(const LabelSet& other)
    : name_(other.name_),
      slots_(other.slots_),
      replicates_(other.replicates_),
      counts_(other.counts_),
      host_(other.host_, other.counts_.size()),
      dropped_tokens_(other.dropped_tokens_),
      sampled_(other.sampled_) {}

void LabelSet::clear() noexcept {
  slots_.clear();
  replicates_.clear();
  counts_.clear();
  host_.clear();
  device_.reset();
  dropped_tokens_ = 0;
  sampled_.clear();
}

std::int64_t LabelSet::tokens_of(std::size_t slot) const noexcept {
  std::int64_t tokens = 0;
  for (const std::uint32_t sum : replicates_.sums(slot)) {
    tokens += sum == kNoSum ? 0 : counts_.tokens(sum);
  }
  return tokens;
}

void LabelSet::add_to(std::uint32_t sum, double* into) const noexcept {
  if (const float* const values = in_float32(sum)) {
    for (std::int64_t b = 0; b < anchors(); ++b) {
      into[b] += static_cast<double>(values[b]);
    }
  } else {
    sums().add_to(sum, into);
  }
}

std::int64_t LabelSet::memory_bytes() const noexcept {
  return slots_.memory_bytes() + replicates_.memory_bytes() + counts_.memory_bytes() + host_.memory_bytes() +
         (device_ ? device_->memory_bytes() : 0) + capacity_bytes(sampled_);
}

/// `key_of(i)`: the label of token i of the batch, empty where it has none. Nothing to do for a batch that cannot have
/// too many labels by itself: what little it adds is dropped afterwards.
template <typename KeyOf>
void LabelSet::plan_level(const UsedTokens& batch, const KeyOf& key_of) {
  if (slots_.max_labels() == 0 || static_cast<std::int64_t>(batch.used.size()) <= slots_.max_labels()) {
    return;
  }
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < batch.used.size(); ++i) {
    const std::span<const std::int64_t> key = batch.used[i] != 0 ? key_of(i) : std::span<const std::int64_t>();
    if (!key.empty()) {
      hashes.push_back(LabelSlots::hash_of(key, slots_.salt()));
    }
  }
  slots_.plan_level(std::move(hashes));
}

UpdatePlan LabelSet::plan(const labels::LabelAssignment& assignment, const UsedTokens& batch) {
  UpdatePlan result(assignment.rows.size(), kNoSum);
  const bool shares_ids = slots_.share_table(assignment);
  plan_level(batch, [&assignment](std::size_t i) {
    const std::int32_t id = assignment.rows[i];
    return id == labels::kNoRow ? std::span<const std::int64_t>() : assignment.table->key(id);
  });
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::int32_t id = assignment.rows[i];
    if (id != labels::kNoRow && batch.used[i] != 0) {
      result[i] = shares_ids ? slots_.slot_of_id(id) : slots_.slot_of_key(assignment.table->key(id));
    }
  }
  plan_sums(result, &assignment, batch);
  return result;
}

UpdatePlan LabelSet::plan(std::span<const std::int64_t> labels, const UsedTokens& batch) {
  UpdatePlan result(labels.size(), kNoSum);
  slots_.own_table();
  plan_level(batch, [&labels](std::size_t i) {
    return is_label(labels[i]) ? labels.subspan(i, 1) : std::span<const std::int64_t>();
  });
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (is_label(labels[i]) && batch.used[i] != 0) {
      result[i] = slots_.slot_of_key(labels.subspan(i, 1));
    }
  }
  plan_sums(result, nullptr, batch);
  return result;
}

void LabelSet::plan_sums(UpdatePlan& plan, const labels::LabelAssignment* labels, const UsedTokens& batch) {
  replicates_.grow(slots_.size());
  sampled_.reserve(Reservoir::kCapacity);
  const auto dealt = replicates_.deal(plan, slots_, labels, batch);
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (plan[i] >= kDropped) {
      continue;
    }
    const std::uint8_t replicate = dealt->of_token[i];
    const std::uint32_t sum = sum_of(plan[i], replicate & DealtReplicates::kReplicate);
    plan[i] = sum | ((replicate & DealtReplicates::kNewSequence) != 0 ? kNewSequence : 0U);
    if (counts_.fits(sum, 1)) {
      counts_.plan_token(sum);
    } else {
      make_large(sum);
      counts_.plan_flush(sum);
      plan[i] |= kFlush;
    }
  }
  reserve_for_dropping();
}

std::uint32_t LabelSet::slot_of_key(std::span<const std::int64_t> key) {
  const std::uint32_t slot = slots_.slot_of_key(key);
  replicates_.grow(slots_.size());
  return slot;
}

std::uint32_t LabelSet::sum_of(std::uint32_t slot, std::uint32_t replicate) {
  std::uint32_t sum = replicates_.sums(slot)[replicate];
  if (sum == kNoSum) {
    sum = counts_.next();
    mutable_sums().append(sum);
    counts_.take();
    replicates_.set_sum(slot, replicate, sum);
  }
  return sum;
}

void LabelSet::make_large(std::uint32_t sum) {
  mutable_sums().make_large(sum);
  counts_.make_large(sum);
}

void LabelSet::commit(const UpdatePlan& plan, std::span<const float> row_entropies,
                      std::span<const Reservoir::Pick> picks, std::uint32_t sample_size) noexcept {
  counts_.commit(plan, row_entropies);
  dropped_tokens_ += std::count(plan.begin(), plan.end(), kDropped);
  sampled_.resize(sample_size, kNoSum);  // room was made
  for (const Reservoir::Pick& pick : picks) {
    if (pick.index != Reservoir::kNone) {
      const std::uint32_t entry = plan[pick.row];
      sampled_[pick.index] = entry >= kDropped ? entry : entry & kSumNumber;
    }
  }
  replicates_.commit();
}

void LabelSet::skip(std::span<const Reservoir::Pick> picks) noexcept {
  for (const Reservoir::Pick& pick : picks) {
    if (pick.index < sampled_.size()) {
      sampled_[pick.index] = kNoSum;
    }
  }
}

void LabelSet::reserve_for_dropping() {
  if (slots_.max_labels() > 0) {
    slots_.reserve_for_dropping();
    counts_.reserve_for_dropping();
    mutable_sums().reserve_for_dropping(counts_.size());
  }
}

void LabelSet::drop_beyond_limit() noexcept {
  drop_to_level(slots_.planned_level());
  while (slots_.max_labels() > 0 && slots_.level() < 64 && slots_.kept_labels() > slots_.max_labels()) {
    drop_to_level(slots_.level() + 1);
  }
}

void LabelSet::drop_to_level(int level) noexcept {
  if (level <= slots_.level()) {
    return;
  }
  slots_.raise_level(level, [this](std::uint32_t slot) {
    if (slot >= replicates_.size()) {
      return;  // there was no memory for more of it than the slot
    }
    for (const std::uint32_t sum : replicates_.sums(slot)) {
      if (sum != kNoSum) {
        dropped_tokens_ += counts_.tokens(sum);
        mutable_sums().drop(sum);
        counts_.release(sum);
      }
    }
    replicates_.forget(slot);
  });
  for (std::uint32_t& sum : sampled_) {
    sum = sum < kDropped && counts_.is_free(sum) ? kDropped : sum;
  }
}

void LabelSet::move_to_device(cuda::Device& device, void* stream) {
  auto there = std::make_unique<DeviceLabelSums>(anchors());
  there->take_over(host_, counts_, device, stream);
  device_ = std::move(there);
}

void LabelSet::finish_move_to_host(const cuda::Memory& pinned) {
  device_->give_back_to(host_, counts_, pinned);
  device_.reset();
}

void LabelSet::request(cuda::Device& device, void* stream, bool whole) {
  device_->request(replicates_, sampled_, counts_.size(), whole, device, stream);
}

}  // namespace infoplane::estimator
