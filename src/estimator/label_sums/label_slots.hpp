#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <infoplane/labels/grouping.hpp>
#include <infoplane/labels/key_table.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "estimator/label_sums/update_plan.hpp"

namespace infoplane::state {
class Reader;
class Writer;
}  // namespace infoplane::state

namespace infoplane::estimator {

/// The labels of a set that are kept, and the slot of each: 0, 1, … in order of appearance. Knows nothing of sums.
///
/// A key table says which label an id means: that of the label index that made the groupings, shared by all layers;
/// where batches come with several tables, or with none, the set has one of its own.
///
/// Where there may be no more than `max_labels` labels, those stay whose hash is lowest: below 2^(64 − level), with the
/// lowest level at which they are few enough. Which these are follows from the labels alone, so ranks agree.
class LabelSlots {
 public:
  /// @throws ArgumentError where the width of a key is impossible.
  LabelSlots(const std::string& set_name, int key_width, std::int64_t max_labels);
  LabelSlots(const LabelSlots& other);
  LabelSlots(LabelSlots&&) noexcept = default;
  LabelSlots& operator=(const LabelSlots&) = delete;
  LabelSlots& operator=(LabelSlots&&) noexcept = default;
  ~LabelSlots() = default;

  void clear() noexcept;

  int key_width() const noexcept { return width_; }
  std::int64_t max_labels() const noexcept { return max_labels_; }
  /// Slots that there are, with those that are free.
  std::size_t size() const noexcept { return id_of_slot_.size(); }
  std::int64_t kept_labels() const noexcept { return static_cast<std::int64_t>(size() - free_slots_.size()); }
  bool is_free(std::size_t slot) const noexcept { return id_of_slot_[slot] == labels::kNoRow; }
  std::span<const std::int64_t> key(std::size_t slot) const noexcept { return table_->key(id_of_slot_[slot]); }

  /// Takes the table of an assignment, where there is none yet. @returns whether its ids are this set's; otherwise the
  /// set has a table of its own now, and labels must be found by their keys.
  bool share_table(const labels::LabelAssignment& assignment);
  /// The same for a table whose ids below `ids` will come.
  bool share_table(const std::shared_ptr<const labels::KeyTable>& table, std::size_t ids);
  /// From now on labels are found by their keys.
  void own_table();
  /// The table, where others can share it; null where it is this set's own.
  std::shared_ptr<const labels::KeyTable> shared_table() const noexcept { return own_ ? nullptr : table_; }

  /// The slot of a label, a new one where it has none; kDropped where it is not kept.
  std::uint32_t slot_of_id(std::int32_t id);
  std::uint32_t slot_of_key(std::span<const std::int64_t> key);

  /// The slot of a label that is here; kDropped where it is not.
  std::uint32_t find(std::span<const std::int64_t> key) const noexcept;

  // which labels are kept
  static std::uint64_t hash_of(std::span<const std::int64_t> key, std::uint64_t salt) noexcept;
  /// Of this set's hashes, so that the errors of samples of two sets are independent.
  std::uint64_t salt() const noexcept { return salt_; }
  int level() const noexcept { return level_; }
  void set_level(int level) noexcept { level_ = level; }  // of a set without labels
  int planned_level() const noexcept { return planned_level_; }
  bool keeps(std::span<const std::int64_t> key, int level) const noexcept {
    return level == 0 || (level < 64 && hash_of(key, salt_) >> (64 - level) == 0);
  }
  bool keeps(std::span<const std::int64_t> key) const noexcept { return keeps(key, level_); }
  /// Raises the planned level so far that those of `hashes`, which may be of the same labels, and the labels that are
  /// here are few enough.
  void plan_level(std::vector<std::uint64_t> hashes);
  void reserve_for_dropping();
  /// Raises the level; `dropped(slot)` comes for each label that is not kept any more, before its slot is free.
  template <typename Dropped>
  void raise_level(int level, const Dropped& dropped) noexcept;

  std::int64_t memory_bytes() const noexcept;

  /// The flags of slots in use, and the keys of those.
  void save_labels(state::Writer& out) const;
  void save_free(state::Writer& out) const;
  /// Into a set without labels. @throws IoError
  void load_labels(state::Reader& in);
  void load_free(state::Reader& in);

 private:
  static constexpr std::int32_t kDroppedLabel = -2;  // beside labels::kNoRow

  std::uint32_t append(std::int32_t id);

  int width_;
  std::int64_t max_labels_;  // 0: no limit
  std::uint64_t salt_;
  int level_ = 0;                                  // labels with a hash below 2^(64 − level) are kept
  int planned_level_ = 0;                          // that which the next commit raises `level_` to, if it is higher
  std::shared_ptr<const labels::KeyTable> table_;  // what ids mean
  std::shared_ptr<labels::KeyTable> own_;          // the same, where it is this set's to grow
  std::vector<std::int32_t> slot_of_id_;           // kNoRow: not seen here; kDroppedLabel
  std::vector<std::int32_t> id_of_slot_;           // kNoRow: the slot is free
  std::vector<std::uint32_t> free_slots_;
};

inline std::uint32_t LabelSlots::slot_of_id(std::int32_t id) {
  std::int32_t& slot = slot_of_id_[static_cast<std::size_t>(id)];
  if (slot >= 0) {
    return static_cast<std::uint32_t>(slot);
  }
  if (slot == labels::kNoRow && !keeps(table_->key(id), std::max(level_, planned_level_))) {
    slot = kDroppedLabel;
  }
  return slot == kDroppedLabel ? kDropped : append(id);
}

template <typename Dropped>
void LabelSlots::raise_level(int level, const Dropped& dropped) noexcept {
  level_ = level;
  for (std::uint32_t slot = 0; slot < size(); ++slot) {
    if (!is_free(slot) && !keeps(key(slot))) {
      dropped(slot);
      slot_of_id_[static_cast<std::size_t>(id_of_slot_[slot])] = kDroppedLabel;
      id_of_slot_[slot] = labels::kNoRow;
      free_slots_.push_back(slot);  // there is room
    }
  }
}

}  // namespace infoplane::estimator
