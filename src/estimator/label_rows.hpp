#pragma once

#include <cstdint>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/estimator/estimate.hpp>
#include <infoplane/labels/grouping.hpp>
#include <infoplane/labels/key_table.hpp>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace infoplane::estimator {

/// Sums of the soft assignments of one label set: a row of m sums and a count for each label that was seen.
///
/// Rows are float32. Every 512 tokens of a label its row is emptied into a float64 row, which only frequent labels
/// have: the error stays at 1e-6 however many tokens come, and a rare label costs 4 m + 22 bytes.
///
/// Labels of this set have slots 0, 1, … in order of appearance. A table of keys, that of the label index that made the
/// groupings, says which label is meant; where batches come with several tables, or none, the set has one of its own.
class LabelRows {
 public:
  /// What a batch will do: for each of its rows kNone or a slot; with kFlush added, the slot's row is emptied after it.
  using Plan = std::vector<std::uint32_t>;
  static constexpr std::uint32_t kNone = 0xffffffffU;
  static constexpr std::uint32_t kFlush = 0x80000000U;

  /// @throws ArgumentError where the width of a key is impossible.
  LabelRows(std::string name, int key_width, std::int64_t anchors);
  LabelRows(const LabelRows& other);
  LabelRows(LabelRows&&) noexcept = default;
  LabelRows& operator=(const LabelRows&) = delete;
  LabelRows& operator=(LabelRows&&) noexcept = default;
  ~LabelRows() = default;

  const std::string& name() const noexcept { return name_; }
  int key_width() const noexcept { return width_; }

  /// Finds the slots of a batch's labels, where `used` is set, and makes room for all that `add` will need. No sum or
  /// count changes.
  Plan plan(const labels::LabelAssignment& assignment, std::span<const std::uint8_t> used);
  /// The same for integer labels; −1 and −100 are none.
  Plan plan(std::span<const std::int64_t> labels, std::span<const std::uint8_t> used);

  /// Counts the tokens of a plan.
  void count(const Plan& plan) noexcept;
  /// Adds columns [first, last) of the assignments [rows, m] of rows [begin, end) of the batch. Calls for disjoint
  /// columns may run at the same time; rows come in order.
  void add(const Plan& plan, const float* probabilities, std::int64_t begin, std::int64_t end, std::int64_t first,
           std::int64_t last) noexcept;

  /// Makes room for the labels of another set, of the same key width: the slot here of each slot there.
  std::vector<std::uint32_t> plan_merge(const LabelRows& other);
  void merge(const LabelRows& other, const std::vector<std::uint32_t>& slots) noexcept;

  InformationEstimate estimate(LabelWeights weights) const;
  std::vector<ConditionalEntropy> conditional_entropies() const;
  std::int64_t memory_bytes() const noexcept;

 private:
  static constexpr std::size_t kBlockSlots = 64;
  static constexpr std::uint16_t kFloatTokens = 512;

  std::size_t slots() const noexcept { return counts_.size(); }
  float* row(std::uint32_t slot) const noexcept {
    return blocks_[slot / kBlockSlots].get() + slot % kBlockSlots * static_cast<std::size_t>(anchors_);
  }
  std::uint32_t slot_of_row(std::int32_t table_row);
  std::uint32_t slot_of_key(std::span<const std::int64_t> key);
  std::uint32_t append_slot(std::int32_t table_row);
  std::uint32_t take(std::uint32_t slot);
  double* frequent(std::uint32_t slot);
  void own_table();
  void total(std::uint32_t slot, double* sums) const noexcept;

  std::string name_;
  int width_;
  std::int64_t anchors_;
  std::shared_ptr<const labels::KeyTable> table_;  // what `row_of_slot_` means
  std::shared_ptr<labels::KeyTable> own_;          // the same, where it is this set's to grow
  std::vector<std::int32_t> slot_of_row_;          // by row of the table; kNoRow: not seen here
  std::vector<std::int32_t> row_of_slot_;
  std::vector<std::int64_t> counts_;
  std::vector<std::uint16_t> pending_;  // tokens that will lie in the float row when the plans made so far are done
  std::vector<std::unique_ptr<float[]>> blocks_;
  std::unordered_map<std::uint32_t, std::unique_ptr<double[]>> frequent_;
};

/// −Σ q_b log q_b with q = sums / Σ sums, in nats; NaN where the sums are zero.
double entropy_of_sums(std::span<const double> sums) noexcept;

}  // namespace infoplane::estimator
