#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "estimator/label_sums/label_slots.hpp"
#include "estimator/label_sums/shared_replicates.hpp"
#include "estimator/label_sums/update_plan.hpp"

namespace infoplane::estimator {

/// The four replicates of each label of a set, by slot: which of them a token goes to, and which sum is whose.
///
/// The first sequence in which a label occurs goes to the replicate that a hash of key and stream says, the next such
/// sequence to the next replicate; a document that may come again always to the one that a hash says. What a replicate
/// holds is independent of the others, and H of the replicates shows how H of the whole grows with tokens.
class Replicates {
 public:
  static constexpr std::size_t kCount = 4;
  using Sums = std::array<std::uint32_t, kCount>;  ///< number of the sum of each; kNoSum: no token yet

  explicit Replicates(std::uint64_t stream) : stream_(stream) {}

  void clear() noexcept;
  std::size_t size() const noexcept { return sums_.size(); }
  const Sums& sums(std::size_t slot) const noexcept { return sums_[slot]; }
  void set_sum(std::size_t slot, std::size_t replicate, std::uint32_t sum) noexcept { sums_[slot][replicate] = sum; }
  /// By number below `sums`: the slot whose sum it is; kNoSum: of none.
  std::vector<std::uint32_t> slot_of_sum(std::size_t sums) const;

  /// Slots without a token, so that there are `slots`.
  void grow(std::size_t slots);
  /// The label of a slot is not kept any more.
  void forget(std::size_t slot) noexcept;

  /// Deals the tokens of a batch, whose labels have these slots, where `plan` is below kDropped. What another layer
  /// with the same history was dealt is taken over.
  std::shared_ptr<const DealtReplicates> deal(std::span<const std::uint32_t> plan, const LabelSlots& slots,
                                              const labels::LabelAssignment* labels, const UsedTokens& batch);
  /// What was dealt last is part of what was seen.
  void commit() noexcept { history_ = std::move(next_history_); }
  const History& history() const noexcept { return history_; }
  /// What was seen is nobody else's.
  void leave_history() { history_ = std::make_shared<char>(); }

  /// Goes on dealing where that slot of another set would.
  void continue_dealing(std::size_t slot, const Replicates& other, std::size_t other_slot) noexcept {
    dealt_[slot] = other.dealt_[other_slot];
  }

  std::int64_t memory_bytes() const noexcept;
  void save(state::Writer& out) const;
  /// For as many slots as the set has. @throws IoError
  void load(state::Reader& in, const LabelSlots& labels);

 private:
  static constexpr std::uint32_t kNeverDealt = 0xffffffffU;

  void deal_anew(std::span<const std::uint32_t> plan, const LabelSlots& labels, const UsedTokens& batch,
                 std::vector<std::uint8_t>& replicates) noexcept;
  void follow(std::span<const std::uint32_t> plan, const UsedTokens& batch,
              const std::vector<std::uint8_t>& replicates) noexcept;

  std::uint64_t stream_;
  std::vector<Sums> sums_;
  std::vector<std::uint32_t> dealt_;  // the sequence that was dealt last, and in the low bits its replicate
  History history_;
  History next_history_;
};

}  // namespace infoplane::estimator
