#include "estimator/label_sums/label_rows.hpp"

#include <algorithm>
#include <functional>
#include <infoplane/core/hash.hpp>

#include "estimator/label_sums/growth.hpp"

namespace infoplane::estimator {
namespace {

// Of each set its own, so that the errors of their samples are independent.
std::uint64_t salt_of(const std::string& name) noexcept {
  std::uint64_t salt = 0;
  for (const char letter : name) {
    salt = splitmix64(salt ^ static_cast<unsigned char>(letter));
  }
  return salt;
}

template <typename T>
std::int64_t bytes(const std::vector<T>& values) {
  return static_cast<std::int64_t>(values.capacity() * sizeof(T));
}

}  // namespace

LabelRows::LabelRows(std::string name, int key_width, std::int64_t anchors, const SoftEntropyOptions& options)
    : name_(std::move(name)),
      width_(key_width),
      anchors_(anchors),
      stream_(options.stream()),
      max_labels_(options.max_labels()),
      salt_(salt_of(name_)),
      dropped_(static_cast<std::size_t>(anchors), 0.0) {}

LabelRows::LabelRows(const LabelRows& other)
    : name_(other.name_),
      width_(other.width_),
      anchors_(other.anchors_),
      stream_(other.stream_),
      max_labels_(other.max_labels_),
      salt_(other.salt_),
      level_(other.level_),
      planned_level_(other.planned_level_),
      table_(other.table_),
      own_(other.own_ ? std::make_shared<labels::KeyTable>(*other.own_) : nullptr),
      slot_of_row_(other.slot_of_row_),
      row_of_slot_(other.row_of_slot_),
      parts_(other.parts_),
      dealt_(other.dealt_),
      pending_(other.pending_),
      counts_(other.counts_),
      visit_(other.visit_),
      squares_(other.squares_),
      dropped_(other.dropped_),
      dropped_tokens_(other.dropped_tokens_),
      free_slots_(other.free_slots_),
      free_rows_(other.free_rows_),
      sampled_(other.sampled_) {
  if (own_) {
    table_ = own_;
  }
  const auto m = static_cast<std::size_t>(anchors_);
  for (std::size_t begin = 0; begin < rows() && !other.on_device_; begin += kBlockRows) {
    blocks_.push_back(std::make_unique_for_overwrite<float[]>(kBlockRows * m));
    std::copy_n(other.blocks_[begin / kBlockRows].get(), std::min(kBlockRows, rows() - begin) * m,
                blocks_.back().get());
  }
  for (const auto& [row, from] : other.wholes_) {
    Whole& into = whole(row);
    into.tokens = from.tokens;
    std::copy_n(from.sums.get(), anchors_, into.sums.get());
  }
}

void LabelRows::clear() noexcept {
  level_ = planned_level_ = 0;
  table_.reset();
  own_.reset();
  slot_of_row_.clear();
  row_of_slot_.clear();
  parts_.clear();
  dealt_.clear();
  pending_.clear();
  counts_.clear();
  visit_.clear();
  squares_.clear();
  std::fill(dropped_.begin(), dropped_.end(), 0.0);
  dropped_tokens_ = 0;
  free_slots_.clear();
  free_rows_.clear();
  wholes_.clear();
  on_device_.reset();
  dropped_rows_.clear();
  readout_.reset();
  sampled_.clear();
}

/// `key_of(i)`: the label of row i of the batch, empty where it has none. Nothing to do for a batch that cannot have
/// too many labels by itself: what little it adds is dropped afterwards.
template <typename KeyOf>
void LabelRows::plan_level(const Batch& batch, const KeyOf& key_of) {
  if (max_labels_ == 0 || static_cast<std::int64_t>(batch.used.size()) <= max_labels_) {
    return;
  }
  std::vector<std::uint64_t> hashes;
  for (std::size_t i = 0; i < batch.used.size(); ++i) {
    const std::span<const std::int64_t> key = batch.used[i] != 0 ? key_of(i) : std::span<const std::int64_t>();
    if (!key.empty()) {
      hashes.push_back(hash_of(key, salt_));
    }
  }
  raise_planned_level(std::move(hashes));
}

LabelRows::Plan LabelRows::plan(const labels::LabelAssignment& assignment, const Batch& batch) {
  Plan result(assignment.rows.size(), kNone);
  if (!table_) {
    table_ = assignment.table;
  }
  const bool foreign = table_ != assignment.table;
  if (foreign) {
    own_table();
  } else {
    const auto table_rows = static_cast<std::size_t>(assignment.row_count);
    if (slot_of_row_.size() < table_rows) {
      grow_to(slot_of_row_, table_rows);
      slot_of_row_.resize(table_rows, labels::kNoRow);
    }
  }
  sampled_.reserve(Reservoir::kCapacity);
  plan_level(batch, [&assignment](std::size_t i) {
    const std::int32_t table_row = assignment.rows[i];
    return table_row == labels::kNoRow ? std::span<const std::int64_t>() : assignment.table->key(table_row);
  });
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::int32_t table_row = assignment.rows[i];
    if (table_row != labels::kNoRow && batch.used[i] != 0) {
      const std::uint32_t slot = foreign ? slot_of_key(assignment.table->key(table_row)) : slot_of_table_row(table_row);
      result[i] = slot == kDropped ? kDropped : take(slot, batch.sequence(i));
    }
  }
  reserve_for_dropping();
  return result;
}

LabelRows::Plan LabelRows::plan(std::span<const std::int64_t> labels, const Batch& batch) {
  Plan result(labels.size(), kNone);
  own_table();
  sampled_.reserve(Reservoir::kCapacity);
  plan_level(batch, [&labels](std::size_t i) {
    return labels[i] == -1 || labels[i] == -100 ? std::span<const std::int64_t>() : labels.subspan(i, 1);
  });
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (labels[i] != -1 && labels[i] != -100 && batch.used[i] != 0) {
      const std::uint32_t slot = slot_of_key(labels.subspan(i, 1));
      result[i] = slot == kDropped ? kDropped : take(slot, batch.sequence(i));
    }
  }
  reserve_for_dropping();
  return result;
}

std::uint32_t LabelRows::slot_of_table_row(std::int32_t table_row) {
  std::int32_t& slot = slot_of_row_[static_cast<std::size_t>(table_row)];
  if (slot == labels::kNoRow && !kept(table_->key(table_row), std::max(level_, planned_level_))) {
    slot = kDroppedRow;
  }
  return slot == kDroppedRow      ? kDropped
         : slot == labels::kNoRow ? append_slot(table_row)
                                  : static_cast<std::uint32_t>(slot);
}

std::uint32_t LabelRows::slot_of_key(std::span<const std::int64_t> key) {
  if (!kept(key, std::max(level_, planned_level_))) {
    return kDropped;  // and its key takes no memory
  }
  const std::int32_t table_row = own_->insert(key);
  if (slot_of_row_.size() < static_cast<std::size_t>(own_->size())) {
    grow_to(slot_of_row_, static_cast<std::size_t>(own_->size()));
    slot_of_row_.resize(static_cast<std::size_t>(own_->size()), labels::kNoRow);
  }
  return slot_of_table_row(table_row);
}

std::uint32_t LabelRows::append_slot(std::int32_t table_row) {
  if (!free_slots_.empty()) {
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    row_of_slot_[slot] = table_row;
    slot_of_row_[static_cast<std::size_t>(table_row)] = static_cast<std::int32_t>(slot);
    return slot;
  }
  const std::size_t slot = slots();
  // All memory first, so that the vectors keep equal lengths whatever fails.
  grow_to(row_of_slot_, slot + 1);
  grow_to(parts_, slot + 1);
  grow_to(dealt_, slot + 1);
  row_of_slot_.push_back(table_row);
  parts_.push_back({kNone, kNone, kNone, kNone});
  dealt_.push_back(kNeverDealt);
  slot_of_row_[static_cast<std::size_t>(table_row)] = static_cast<std::int32_t>(slot);
  return static_cast<std::uint32_t>(slot);
}

std::uint32_t LabelRows::append_row() {
  if (!free_rows_.empty()) {
    const std::uint32_t row = free_rows_.back();
    free_rows_.pop_back();
    pending_[row] = 0;
    return row;
  }
  grow_to(pending_, rows() + 1);
  grow_to(counts_, rows() + 1);
  grow_to(visit_, rows() + 1);
  grow_to(squares_, rows() + 1);
  if (!on_device_ && rows() / kBlockRows == blocks_.size()) {
    blocks_.push_back(std::make_unique_for_overwrite<float[]>(kBlockRows * static_cast<std::size_t>(anchors_)));
  }
  pending_.push_back(0);
  counts_.push_back(0);
  visit_.push_back(0);
  squares_.push_back(0);
  const auto appended = static_cast<std::uint32_t>(rows() - 1);
  if (!on_device_) {
    std::fill_n(row(appended), anchors_, 0.0F);
  }
  return appended;
}

std::uint32_t LabelRows::part_of(std::uint32_t slot, std::uint32_t part) {
  if (parts_[slot][part] == kNone) {
    parts_[slot][part] = append_row();
  }
  return parts_[slot][part];
}

std::uint32_t LabelRows::take(std::uint32_t slot, std::int64_t sequence) {
  constexpr std::uint32_t kSequences = 0x3fffffffU;  // two sequences that agree in these bits count as one
  const auto number = static_cast<std::uint32_t>(sequence % kSequences);
  std::uint32_t part = dealt_[slot] & 3U;
  const std::uint32_t visit = dealt_[slot] == kNeverDealt || dealt_[slot] >> 2U != number ? kVisit : 0;
  if (dealt_[slot] == kNeverDealt) {
    part = static_cast<std::uint32_t>(hash_of(table_->key(row_of_slot_[slot]), splitmix64(stream_)) >> 62U);
  } else if (visit != 0) {
    part = (part + 1) & 3U;
  }
  const std::uint32_t row = part_of(slot, part);
  dealt_[slot] = number << 2U | part;
  const auto pending = static_cast<std::uint16_t>((pending_[row] & ~kHasWhole) + 1);
  if (pending < kFloatTokens) {
    ++pending_[row];
    return row | visit;
  }
  whole(row);
  pending_[row] = kHasWhole;
  return row | visit | kFlush;
}

LabelRows::Whole& LabelRows::whole(std::uint32_t row) {
  const auto found = wholes_.find(row);
  if (found != wholes_.end()) {
    return found->second;
  }
  Whole fresh{0, std::make_unique<double[]>(static_cast<std::size_t>(anchors_)), -1};
  Whole& result = wholes_.emplace(row, std::move(fresh)).first->second;
  pending_[row] |= kHasWhole;
  return result;
}

void LabelRows::own_table() {
  if (own_) {
    return;
  }
  auto own = std::make_shared<labels::KeyTable>(width_);
  std::vector<std::int32_t> table_rows(slots(), labels::kNoRow);
  std::vector<std::int32_t> slot_of_row;
  for (std::size_t slot = 0; slot < slots(); ++slot) {
    if (row_of_slot_[slot] != labels::kNoRow) {
      table_rows[slot] = own->insert(table_->key(row_of_slot_[slot]));  // the next: keys of a table differ
      slot_of_row.push_back(static_cast<std::int32_t>(slot));
    }
  }
  slot_of_row_ = std::move(slot_of_row);
  row_of_slot_ = std::move(table_rows);
  table_ = own;
  own_ = std::move(own);
}

void LabelRows::count(const Plan& plan, std::span<const Reservoir::Pick> picks, std::uint32_t reservoir_rows) noexcept {
  for (const std::uint32_t entry : plan) {
    if (entry >= kDropped) {
      dropped_tokens_ += entry == kDropped ? 1 : 0;
      continue;
    }
    const std::uint32_t row = entry & kRow;
    ++counts_[row];
    if ((entry & kVisit) != 0) {
      visit_[row] = 0;
    }
    squares_[row] += static_cast<float>(2 * visit_[row] + 1);
    visit_[row] += visit_[row] < 0xffffU ? 1 : 0;
    if ((entry & kFlush) != 0) {
      wholes_.find(row)->second.tokens += counts_[row];
      counts_[row] = 0;
    }
  }
  sampled_.resize(reservoir_rows, kNone);  // room was made
  for (const Reservoir::Pick& pick : picks) {
    if (pick.index != Reservoir::kNone) {
      const std::uint32_t entry = plan[pick.row];
      sampled_[pick.index] = entry >= kDropped ? entry : entry & kRow;
    }
  }
}

void LabelRows::skip(std::span<const Reservoir::Pick> picks) noexcept {
  for (const Reservoir::Pick& pick : picks) {
    if (pick.index < sampled_.size()) {
      sampled_[pick.index] = kNone;
    }
  }
}

void LabelRows::add(const Plan& plan, const float* probabilities, std::int64_t begin, std::int64_t end,
                    std::int64_t first, std::int64_t last) noexcept {
  for (std::int64_t i = begin; i < end; ++i) {
    const std::uint32_t entry = plan[static_cast<std::size_t>(i)];
    if (entry >= kDropped) {
      for (std::int64_t b = first; entry == kDropped && b < last; ++b) {
        dropped_[static_cast<std::size_t>(b)] += static_cast<double>(probabilities[i * anchors_ + b]);
      }
      continue;
    }
    const std::uint32_t number = entry & kRow;
    float* __restrict sums = row(number);
    const float* __restrict p = probabilities + i * anchors_;
    for (std::int64_t b = first; b < last; ++b) {
      sums[b] += p[b];
    }
    if ((entry & kFlush) != 0) {
      double* const whole = wholes_.find(number)->second.sums.get();
      for (std::int64_t b = first; b < last; ++b) {
        whole[b] += sums[b];
        sums[b] = 0;
      }
    }
  }
}

std::int64_t LabelRows::memory_bytes() const noexcept {
  const auto block_bytes = static_cast<std::int64_t>(kBlockRows * sizeof(float)) * anchors_;
  // A node of the map beside its sums: key, count, pointers and bucket.
  const auto whole_bytes = static_cast<std::int64_t>(sizeof(double)) * anchors_ + 56;
  return bytes(slot_of_row_) + bytes(row_of_slot_) + bytes(parts_) + bytes(dealt_) + bytes(pending_) + bytes(counts_) +
         bytes(visit_) + bytes(squares_) + bytes(sampled_) + bytes(dropped_) + bytes(free_slots_) + bytes(free_rows_) +
         bytes(blocks_) + static_cast<std::int64_t>(blocks_.size()) * block_bytes +
         static_cast<std::int64_t>(wholes_.size()) * whole_bytes + (own_ ? own_->memory_bytes() : 0) +
         bytes(dropped_rows_) + (on_device_ ? on_device_->memory_bytes() : 0);
}

}  // namespace infoplane::estimator
