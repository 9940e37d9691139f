#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "estimator/label_sums/label_set.hpp"

namespace infoplane::estimator {

/// How often labels x and y come together, at the owner of x.
struct JointCounts {
  struct Entry {
    std::uint32_t y;          ///< a number of the label
    std::uint32_t replicate;  ///< of y
    std::uint32_t x;          ///< the slot of the label
    std::int64_t tokens;
  };
  std::vector<Entry> entries;  ///< in the order of y, replicate, x

  void sort();
};

/// The channel x → b that the soft assignments of a layer make when they are averaged over the contexts of each label
/// x: p(b|x) = P_x. Each P_x is there as a whole and from two halves of the label's tokens, where it has so many; what
/// the two differ by shows how noisy P_x is.
class Channel {
 public:
  /// `wanted`: by slot of the set.
  Channel(const LabelSet& inputs, const std::vector<bool>& wanted);

  /// P_x, m values.
  const float* mean(std::uint32_t slot) const noexcept { return rows_.data() + std::size_t{of_slot_[slot].mean} * m_; }
  /// P_x of half `which`, 0 or 1, of its tokens; P_x itself where it has none.
  const float* half(std::uint32_t slot, std::size_t which) const noexcept {
    return splits(slot) ? rows_.data() + (std::size_t{of_slot_[slot].halves} + which) * m_ : mean(slot);
  }
  bool splits(std::uint32_t slot) const noexcept { return of_slot_[slot].halves != kNone; }
  /// H(P_x) in nats.
  double entropy(std::uint32_t slot) const noexcept { return of_slot_[slot].entropy; }
  /// Jensen-Shannon divergence of the two halves in nats, 0 where there are none.
  double divergence(std::uint32_t slot) const noexcept { return of_slot_[slot].divergence; }
  std::size_t anchors() const noexcept { return m_; }

 private:
  static constexpr std::uint32_t kNone = 0xffffffffU;
  struct OfSlot {
    std::uint32_t mean = kNone, halves = kNone;  // numbers of rows
    double entropy = 0, divergence = 0;
  };

  std::size_t m_;
  std::vector<OfSlot> of_slot_;
  std::vector<float> rows_;
};

/// What is known of a label y at an owner of x: Σ_x n(x, y) P_x.
struct Mixture {
  struct Sum {
    std::uint32_t replicate;
    std::int64_t tokens;
    double row_entropies;  ///< Σ H(P_x) over the tokens
    const double* values;
  };
  std::span<const Sum> sums;     ///< of its replicates
  const double* halves[2] = {};  ///< of all of them, with the halves of P_x; null where no x splits, or nobody asks
};

/// Calls `use(y, mixture)` for each label y of the joint, in order. `wants_halves(y)`: whether its halves are of use.
void mix(const JointCounts& joint, const Channel& channel, const std::function<bool(std::uint32_t y)>& wants_halves,
         const std::function<void(std::uint32_t y, const Mixture& mixture)>& use);

/// H((a + b) / 2) − (H(a) + H(b)) / 2 in nats, of two sums of m values.
double jensen_shannon(std::span<const double> a, std::span<const double> b, std::vector<double>& scratch);

}  // namespace infoplane::estimator
