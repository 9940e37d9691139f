#pragma once

#include <array>
#include <cstdint>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/estimator/estimate.hpp>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <infoplane/labels/grouping.hpp>
#include <infoplane/labels/key_table.hpp>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "estimator/device/label_readout.hpp"
#include "estimator/device/label_sums.hpp"
#include "estimator/statistics/label_totals.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::state {
class Reader;
class Writer;
}  // namespace infoplane::state

namespace infoplane::estimator {

/// Sums of the soft assignments of one label set, for each label that was seen.
///
/// The tokens of a label are dealt over four rows of m sums each, its parts: the first sequence in which it occurs goes
/// to a part that a hash of key and stream chooses, the next such sequence to the next part. What a part holds is
/// independent of the others, and H of the parts shows how H of the whole grows with tokens. A row comes with its first
/// token.
///
/// Rows are float32. Every 512 tokens a row is emptied into a float64 row, which only frequent labels have: the error
/// stays at 1e-6 however many tokens come, and a label seen once costs 4 m + 40 bytes, beside its key: in a table that
/// layers share where labels come as groupings, else in one of the set's own (8 bytes an integer, and 13 to 26).
///
/// Where there may be no more than `max_labels` labels, those stay whose hash is lowest: below 2^(64 − level), with the
/// lowest level at which they are few enough. Which these are follows from the labels alone, so ranks agree. Tokens of
/// other labels are summed together, for H(Z).
///
/// The sums can be on a device instead of the host (label_rows_device.cpp); all that is counted stays on the host. What
/// then reads or changes sums is only what is said to; everything else wants them home.
///
/// Labels of this set have slots 0, 1, … in order of appearance. A table of keys, that of the label index that made the
/// groupings, says which label is meant; where batches come with several tables, or none, the set has one of its own.
class LabelRows {
 public:
  /// What a batch will do: for each of its rows kNone or a row of sums; with kFlush added, that row is emptied after
  /// it; with kVisit, the label was last seen in another sequence.
  using Plan = std::vector<std::uint32_t>;
  static constexpr std::uint32_t kNone = 0xffffffffU;
  static constexpr std::uint32_t kDropped = 0xfffffffeU;  // the label is not in the sample of labels
  static constexpr std::uint32_t kFlush = 0x80000000U;
  static constexpr std::uint32_t kVisit = 0x40000000U;

  /// What a batch is, beside its labels.
  struct Batch {
    std::span<const std::uint8_t> used;
    std::int64_t sequences_before;  // of the stream
    std::int64_t length;            // rows of a sequence
    std::int64_t sequence(std::size_t row) const noexcept {
      return sequences_before + static_cast<std::int64_t>(row) / length;
    }
  };

  /// @throws ArgumentError where the width of a key is impossible.
  LabelRows(std::string name, int key_width, std::int64_t anchors, const SoftEntropyOptions& options);
  LabelRows(const LabelRows& other);
  LabelRows(LabelRows&&) noexcept = default;
  LabelRows& operator=(const LabelRows&) = delete;
  LabelRows& operator=(LabelRows&&) noexcept = default;
  ~LabelRows() = default;

  const std::string& name() const noexcept { return name_; }
  int key_width() const noexcept { return width_; }

  /// Back to one that has seen nothing, with its memory on the host.
  void clear() noexcept;

  /// Finds the rows of a batch's labels, where `used` is set, and makes room for all that `add` and `keep` will need.
  /// No sum or count changes.
  Plan plan(const labels::LabelAssignment& assignment, const Batch& batch);
  /// The same for integer labels; −1 and −100 are none.
  Plan plan(std::span<const std::int64_t> labels, const Batch& batch);

  /// Counts the tokens of a plan and remembers the labels of the rows that the reservoir took.
  void count(const Plan& plan, std::span<const Reservoir::Pick> picks, std::uint32_t reservoir_rows) noexcept;
  /// Forgets the labels of rows that left the reservoir, in a batch without this set.
  void skip(std::span<const Reservoir::Pick> picks) noexcept;
  /// Adds columns [first, last) of the assignments [rows, m] of rows [begin, end) of the batch. Calls for disjoint
  /// columns may run at the same time; rows come in order.
  void add(const Plan& plan, const float* probabilities, std::int64_t begin, std::int64_t end, std::int64_t first,
           std::int64_t last) noexcept;

  /// Drops labels until no more than `max_labels` are left.
  void drop_beyond_limit() noexcept;

  /// How another set, of the same key width, will be added: the row here of each row there, and the labels of the rows
  /// of both reservoirs' common sample.
  struct MergePlan {
    std::vector<std::uint32_t> rows;
    std::vector<std::uint32_t> sampled;
  };
  MergePlan plan_merge(const LabelRows& other, const std::vector<Reservoir::Merged::Source>& sources);
  void merge(const LabelRows& other, MergePlan& plan) noexcept;
  /// Remembers the labels of a merged sample where the other side has no such set.
  std::vector<std::uint32_t> sampled_alone(const std::vector<Reservoir::Merged::Source>& sources) const;
  void keep(std::vector<std::uint32_t>& sampled) noexcept { sampled_.swap(sampled); }

  /// Over ranks: a shard is a set that has the labels of all ranks for which `owner_of(key)` is this rank. It begins
  /// empty, at the highest `level` of any rank, with what is known of the common sample: whether a row has a label.
  int level() const noexcept { return level_; }
  bool samples(std::uint32_t index) const noexcept { return index < sampled_.size() && sampled_[index] != kNone; }
  void begin_shard(int level, const std::vector<bool>& labelled);
  /// Writes the labels of each owner to its parcel, and adds those that are dropped to this rank's own shard.
  /// `shared_index`: where a row of the own sample is in the common one, or kNone.
  void put_parcels(std::span<state::Writer> parcels, std::span<const std::uint32_t> shared_index,
                   LabelRows& shard) const;
  void take_parcel(state::Reader& in);
  /// Labels of this shard that would stay at levels 0 … 64, and what follows from the sums of these over ranks.
  std::vector<double> labels_by_level() const;
  void drop_to_limit(std::span<const double> labels_by_level);

  std::vector<ConditionalEntropy> conditional_entropies() const;
  /// With a label of this set.
  std::int64_t tokens() const noexcept;
  std::int64_t memory_bytes() const noexcept;

  /// Queues the way of all sums to a device, or home; afterwards they are there, or with `finish_home` once it has
  /// come.
  void move_to(cuda::Device& device, void* stream);
  struct Home {
    cuda::Memory pinned;
    std::int64_t row_bytes = 0;
  };
  Home start_home(cuda::Device& device, void* stream) const;
  void finish_home(const Home& home);
  bool on_device() const noexcept { return on_device_ != nullptr; }
  cuda::LabelSums sums_there() const noexcept { return on_device_->view(); }
  void keep_for(cuda::Device& device, void* stream) const;
  /// Room on the device for what a plan adds, as set number `set` of its update; appends which rows become float64.
  void prepare_on_device(cuda::Device& device, const Plan& plan, std::int32_t set,
                         std::vector<cuda::Promotion>& promotions, void* stream);
  /// Appends the row of each position as make_segments() wants it.
  static void segment_rows(const Plan& plan, std::vector<std::int32_t>& into);
  /// Rows whose labels were dropped, and that the device must still clear.
  std::span<const std::int32_t> dropped_rows() const noexcept { return dropped_rows_; }
  void forget_dropped_rows() noexcept { dropped_rows_.clear(); }
  /// Queues what `statistics` needs from the device; once it has come, `statistics` can be called until it is
  /// forgotten.
  void request(cuda::Device& device, void* stream);
  void forget_readout() noexcept { readout_.reset(); }

  void save(state::Writer& out) const;
  /// A set as it was saved, with a table of its own. @throws IoError if anything in it cannot be.
  static std::unique_ptr<LabelRows> load(state::Reader& in, std::int64_t anchors, const SoftEntropyOptions& options,
                                         std::uint32_t reservoir_rows);

 private:
  friend class LabelEstimation;
  static constexpr std::size_t kBlockRows = 64;
  static constexpr std::uint16_t kFloatTokens = 512;
  static constexpr std::uint16_t kHasWhole = 0x8000U;
  static constexpr std::uint16_t kFree = 0x7fffU;
  static constexpr std::int32_t kDroppedRow = -2;  // beside labels::kNoRow
  static constexpr std::uint32_t kNeverDealt = 0xffffffffU;
  static constexpr std::uint32_t kRow = 0x3fffffffU;  // of an entry of a plan
  using Parts = std::array<std::uint32_t, 4>;

  struct Whole {
    std::int64_t tokens = 0;
    std::unique_ptr<double[]> sums;
    std::int32_t on_device = -1;  // its row there
  };

  struct Label;  // sums of a label and its parts
  class Surprise;

  std::size_t slots() const noexcept { return parts_.size(); }
  std::size_t rows() const noexcept { return pending_.size(); }
  float* row(std::uint32_t row) const noexcept {
    return blocks_[row / kBlockRows].get() + row % kBlockRows * static_cast<std::size_t>(anchors_);
  }
  bool has_whole(std::uint32_t row) const noexcept { return (pending_[row] & kHasWhole) != 0; }
  std::int64_t tokens_of_row(std::uint32_t row) const noexcept;
  std::int64_t tokens_of_slot(std::uint32_t slot) const noexcept;
  void add_row_to(std::uint32_t row, double* sums) const noexcept;
  void total(std::uint32_t slot, double* sums) const noexcept;
  std::vector<std::uint32_t> slot_of_row() const;

  std::uint32_t slot_of_table_row(std::int32_t table_row);
  std::uint32_t slot_of_key(std::span<const std::int64_t> key);
  std::uint32_t append_slot(std::int32_t table_row);
  std::uint32_t append_row();
  std::uint32_t part_of(std::uint32_t slot, std::uint32_t part);
  static std::uint64_t hash_of(std::span<const std::int64_t> key, std::uint64_t salt) noexcept;
  /// Whether a label is in the sample of labels at a level.
  bool kept(std::span<const std::int64_t> key, int level) const noexcept;
  bool kept(std::span<const std::int64_t> key) const noexcept { return kept(key, level_); }
  /// Raises `planned_level_` so far that those of `hashes`, which may be of the same labels, and the labels that are
  /// here are few enough.
  void raise_planned_level(std::vector<std::uint64_t> hashes);
  template <typename KeyOf>
  void plan_level(const Batch& batch, const KeyOf& key_of);
  void reserve_for_dropping();
  void drop_labels(int level) noexcept;
  void clear_into_dropped(std::uint32_t row) noexcept;
  std::uint32_t take(std::uint32_t slot, std::int64_t sequence);
  Whole& whole(std::uint32_t row);
  void own_table();
  void load_labels(state::Reader& in);
  void load_rows(state::Reader& in);
  void check_counts() const;

  LabelCounts counts_of(std::uint32_t slot) const noexcept;
  /// Adds the sums of all tokens to `all`, where they are on the host.
  LabelEntropies entropies_of(std::uint32_t slot, const LabelCounts& counts, Label& scratch, double* all) const;
  void prefetch(std::size_t slot) const noexcept;
  std::vector<double> sum_of_all() const;
  /// `all`: the sum of all rows.
  LabelTotals totals(LabelWeights weights, const TokenBias& bias, std::vector<double>& all) const;
  template <typename T>
  void add_tokens(std::uint32_t to, std::int64_t tokens, const T* sums) noexcept;

  std::string name_;
  int width_;
  std::int64_t anchors_;
  std::uint64_t stream_;
  std::int64_t max_labels_;                        // 0: no limit
  std::uint64_t salt_;                             // of the hashes of labels
  int level_ = 0;                                  // labels with a hash below 2^(64 − level) are kept
  int planned_level_ = 0;                          // that which the next commit raises `level_` to, if it is higher
  std::shared_ptr<const labels::KeyTable> table_;  // what `row_of_slot_` means
  std::shared_ptr<labels::KeyTable> own_;          // the same, where it is this set's to grow
  std::vector<std::int32_t> slot_of_row_;          // by row of the table; kNoRow: not seen here; kDroppedRow
  std::vector<std::int32_t> row_of_slot_;          // kNoRow: the slot is free
  std::vector<Parts> parts_;                       // rows of sums of each slot; kNone: no token yet
  std::vector<std::uint32_t> dealt_;    // by slot: the sequence that was dealt last, and in the low bits its part
  std::vector<std::uint16_t> pending_;  // tokens that will lie in the float row when the plans made so far are done
  std::vector<std::uint16_t> counts_;   // tokens that do
  std::vector<std::uint16_t> visit_;    // by row of sums: its tokens of the sequence that came last
  std::vector<float> squares_;          // by row of sums: Σ over sequences of (its tokens of the sequence)²
  std::vector<std::unique_ptr<float[]>> blocks_;
  std::vector<double> dropped_;  // sum over tokens of labels that are not kept
  std::int64_t dropped_tokens_ = 0;
  std::vector<std::uint32_t> free_slots_;
  std::vector<std::uint32_t> free_rows_;
  std::unordered_map<std::uint32_t, Whole> wholes_;  // of rows with kHasWhole in `pending_`
  std::unique_ptr<cuda::DeviceLabelSums> on_device_;
  std::vector<std::int32_t> dropped_rows_;
  std::unique_ptr<LabelReadout> readout_;
  std::vector<std::uint32_t> sampled_;  // by reservoir row: the row of sums that it was added to, or kDropped
};

}  // namespace infoplane::estimator
