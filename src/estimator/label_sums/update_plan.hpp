#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace infoplane::estimator {

class SharedReplicates;

/// Instead of the number of a sum: there is none, as for a token without a label.
inline constexpr std::uint32_t kNoSum = 0xffffffffU;
/// Instead of the number of a sum or of a slot: the label is not kept.
inline constexpr std::uint32_t kDropped = 0xfffffffeU;

/// What an update adds to a label set: for each token kNoSum, kDropped or the number of a sum. With kFlush added, the
/// sum is emptied into float64 behind this token; with kNewSequence, the label was last seen in another sequence.
using UpdatePlan = std::vector<std::uint32_t>;
inline constexpr std::uint32_t kFlush = 0x80000000U;
inline constexpr std::uint32_t kNewSequence = 0x40000000U;
inline constexpr std::uint32_t kSumNumber = 0x3fffffffU;  // the rest of an entry

/// Which tokens of a micro-batch count, and the sequences that they are in.
struct UsedTokens {
  std::span<const std::uint8_t> used;
  std::int64_t sequences_before;             // that the accumulator has seen
  std::int64_t length;                       // tokens of a sequence
  SharedReplicates* shared = nullptr;        // with the other layers that see it; null: with nobody
  std::span<const std::int64_t> units = {};  // as of a grouping, in the place of sequences; empty: sequences

  std::int64_t sequence(std::size_t token) const noexcept {
    if (!units.empty()) {
      return units[token] < 0 ? units[token] : sequences_before + units[token];
    }
    return sequences_before + static_cast<std::int64_t>(token) / length;
  }
};

}  // namespace infoplane::estimator
