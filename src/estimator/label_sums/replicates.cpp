#include "estimator/label_sums/replicates.hpp"

#include <infoplane/core/hash.hpp>

#include "core/state.hpp"
#include "estimator/label_sums/growth.hpp"

namespace infoplane::estimator {
namespace {

constexpr Replicates::Sums kNoSums = {kNoSum, kNoSum, kNoSum, kNoSum};

/// Two sequences that agree in these bits count as one.
std::uint32_t number_of(std::int64_t sequence) noexcept {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(sequence) % 0x3fffffffU);
}

/// Of a document that may come again, here and in other accumulators: always the same.
std::uint32_t replicate_of(std::span<const std::int64_t> key, std::int64_t document) noexcept {
  return static_cast<std::uint32_t>(LabelSlots::hash_of(key, splitmix64(static_cast<std::uint64_t>(document))) >> 62U);
}

}  // namespace

void Replicates::clear() noexcept {
  sums_.clear();
  dealt_.clear();
  history_.reset();
  next_history_.reset();
}

std::vector<std::uint32_t> Replicates::slot_of_sum(std::size_t sums) const {
  std::vector<std::uint32_t> result(sums, kNoSum);
  for (std::uint32_t slot = 0; slot < size(); ++slot) {
    for (const std::uint32_t sum : sums_[slot]) {
      if (sum != kNoSum) {
        result[sum] = slot;
      }
    }
  }
  return result;
}

void Replicates::grow(std::size_t slots) {
  if (slots > sums_.size()) {
    grow_to(sums_, slots);
    grow_to(dealt_, slots);
    sums_.resize(slots, kNoSums);
    dealt_.resize(slots, kNeverDealt);
  }
}

void Replicates::forget(std::size_t slot) noexcept {
  sums_[slot] = kNoSums;
  dealt_[slot] = kNeverDealt;
}

std::shared_ptr<const DealtReplicates> Replicates::deal(std::span<const std::uint32_t> plan, const LabelSlots& slots,
                                                        const labels::LabelAssignment* labels,
                                                        const UsedTokens& batch) {
  const History before = history_;
  leave_history();  // until the update is committed
  SharedReplicates* const shared = labels != nullptr ? batch.shared : nullptr;
  if (shared != nullptr) {
    if (auto dealt = shared->find(*labels, batch, before)) {
      follow(plan, batch, dealt->of_token);
      next_history_ = dealt->history;
      return dealt;
    }
  }
  auto dealt = std::make_shared<DealtReplicates>();
  dealt->of_token.resize(plan.size());
  dealt->history = std::make_shared<char>();
  deal_anew(plan, slots, batch, dealt->of_token);
  next_history_ = dealt->history;
  if (shared != nullptr) {
    shared->add(*labels, batch, before, dealt);
  }
  return dealt;
}

void Replicates::deal_anew(std::span<const std::uint32_t> plan, const LabelSlots& labels, const UsedTokens& batch,
                           std::vector<std::uint8_t>& replicates) noexcept {
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const std::uint32_t slot = plan[i];
    if (slot >= kDropped) {
      continue;
    }
    const std::int64_t sequence = batch.sequence(i);
    const std::uint32_t number = number_of(sequence);
    std::uint32_t replicate = dealt_[slot] & 3U;
    const bool is_first = dealt_[slot] == kNeverDealt;
    const bool is_new = is_first || dealt_[slot] >> 2U != number;
    if (sequence < 0) {
      replicate = replicate_of(labels.key(slot), sequence);
    } else if (is_first) {
      replicate = static_cast<std::uint32_t>(LabelSlots::hash_of(labels.key(slot), splitmix64(stream_)) >> 62U);
    } else if (is_new) {
      replicate = (replicate + 1) & 3U;
    }
    dealt_[slot] = number << 2U | replicate;
    replicates[i] = static_cast<std::uint8_t>(replicate | (is_new ? DealtReplicates::kNewSequence : 0U));
  }
}

void Replicates::follow(std::span<const std::uint32_t> plan, const UsedTokens& batch,
                        const std::vector<std::uint8_t>& replicates) noexcept {
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (plan[i] < kDropped) {
      dealt_[plan[i]] = number_of(batch.sequence(i)) << 2U | (replicates[i] & DealtReplicates::kReplicate);
    }
  }
}

std::int64_t Replicates::memory_bytes() const noexcept { return capacity_bytes(sums_) + capacity_bytes(dealt_); }

void Replicates::save(state::Writer& out) const {
  std::vector<std::uint32_t> sums;
  for (const Sums& of_slot : sums_) {
    sums.insert(sums.end(), of_slot.begin(), of_slot.end());
  }
  out.put_array(sums);
  out.put_array(dealt_);
}

void Replicates::load(state::Reader& in, const LabelSlots& labels) {
  const auto sums = in.get_array<std::uint32_t>(kCount * labels.size(), "a label has other than four parts");
  for (std::size_t slot = 0; slot < labels.size(); ++slot) {
    sums_.push_back({sums[4 * slot], sums[4 * slot + 1], sums[4 * slot + 2], sums[4 * slot + 3]});
    state::Reader::require(!labels.is_free(slot) || sums_.back() == kNoSums, "no label has parts");
  }
  dealt_ = in.get_array<std::uint32_t>(labels.size(), "a label was not dealt");
  leave_history();
}

}  // namespace infoplane::estimator
