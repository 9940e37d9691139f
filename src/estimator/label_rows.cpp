#include "estimator/label_rows.hpp"

#include <algorithm>
#include <functional>
#include <infoplane/core/hash.hpp>

namespace infoplane::estimator {
namespace {

// By a sixteenth instead of twofold: there can be millions of labels.
template <typename T>
void grow_to(std::vector<T>& values, std::size_t size) {
  if (values.capacity() < size) {
    values.reserve(size + size / 16 + 16);
  }
}

template <typename T>
std::int64_t bytes(const std::vector<T>& values) {
  return static_cast<std::int64_t>(values.capacity() * sizeof(T));
}

}  // namespace

LabelRows::LabelRows(std::string name, int key_width, std::int64_t anchors, std::uint64_t stream)
    : name_(std::move(name)), width_(key_width), anchors_(anchors), stream_(stream) {}

LabelRows::LabelRows(const LabelRows& other)
    : name_(other.name_),
      width_(other.width_),
      anchors_(other.anchors_),
      stream_(other.stream_),
      table_(other.table_),
      own_(other.own_ ? std::make_shared<labels::KeyTable>(*other.own_) : nullptr),
      slot_of_row_(other.slot_of_row_),
      row_of_slot_(other.row_of_slot_),
      parts_(other.parts_),
      dealt_(other.dealt_),
      pending_(other.pending_),
      counts_(other.counts_),
      sampled_(other.sampled_) {
  if (own_) {
    table_ = own_;
  }
  const std::size_t size = kBlockRows * static_cast<std::size_t>(anchors_);
  for (const auto& block : other.blocks_) {
    blocks_.push_back(std::make_unique_for_overwrite<float[]>(size));
    std::copy_n(block.get(), size, blocks_.back().get());
  }
  for (const auto& [row, from] : other.wholes_) {
    Whole& into = whole(row);
    into.tokens = from.tokens;
    std::copy_n(from.sums.get(), anchors_, into.sums.get());
  }
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
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::int32_t table_row = assignment.rows[i];
    if (table_row != labels::kNoRow && batch.used[i] != 0) {
      result[i] = take(foreign ? slot_of_key(assignment.table->key(table_row)) : slot_of_table_row(table_row),
                       batch.sequence(i));
    }
  }
  return result;
}

LabelRows::Plan LabelRows::plan(std::span<const std::int64_t> labels, const Batch& batch) {
  Plan result(labels.size(), kNone);
  own_table();
  sampled_.reserve(Reservoir::kCapacity);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (labels[i] != -1 && labels[i] != -100 && batch.used[i] != 0) {
      result[i] = take(slot_of_key(labels.subspan(i, 1)), batch.sequence(i));
    }
  }
  return result;
}

std::uint32_t LabelRows::slot_of_table_row(std::int32_t table_row) {
  const std::int32_t slot = slot_of_row_[static_cast<std::size_t>(table_row)];
  return slot != labels::kNoRow ? static_cast<std::uint32_t>(slot) : append_slot(table_row);
}

std::uint32_t LabelRows::slot_of_key(std::span<const std::int64_t> key) {
  const std::int32_t table_row = own_->insert(key);
  if (slot_of_row_.size() < static_cast<std::size_t>(own_->size())) {
    grow_to(slot_of_row_, static_cast<std::size_t>(own_->size()));
    slot_of_row_.resize(static_cast<std::size_t>(own_->size()), labels::kNoRow);
  }
  return slot_of_table_row(table_row);
}

std::uint32_t LabelRows::append_slot(std::int32_t table_row) {
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
  grow_to(pending_, rows() + 1);
  grow_to(counts_, rows() + 1);
  if (rows() / kBlockRows == blocks_.size()) {
    blocks_.push_back(std::make_unique<float[]>(kBlockRows * static_cast<std::size_t>(anchors_)));
  }
  pending_.push_back(0);
  counts_.push_back(0);
  return static_cast<std::uint32_t>(rows() - 1);
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
  if (dealt_[slot] == kNeverDealt) {
    std::uint64_t hash = splitmix64(stream_);
    for (const std::int64_t value : table_->key(row_of_slot_[slot])) {
      hash = splitmix64(hash ^ static_cast<std::uint64_t>(value));
    }
    part = static_cast<std::uint32_t>(hash >> 62U);
  } else if (dealt_[slot] >> 2U != number) {
    part = (part + 1) & 3U;
  }
  const std::uint32_t row = part_of(slot, part);
  dealt_[slot] = number << 2U | part;
  const auto pending = static_cast<std::uint16_t>((pending_[row] & ~kHasWhole) + 1);
  if (pending < kFloatTokens) {
    ++pending_[row];
    return row;
  }
  whole(row);
  pending_[row] = kHasWhole;
  return row | kFlush;
}

LabelRows::Whole& LabelRows::whole(std::uint32_t row) {
  const auto found = wholes_.find(row);
  if (found != wholes_.end()) {
    return found->second;
  }
  Whole fresh{0, std::make_unique<double[]>(static_cast<std::size_t>(anchors_))};
  Whole& result = wholes_.emplace(row, std::move(fresh)).first->second;
  pending_[row] |= kHasWhole;
  return result;
}

void LabelRows::own_table() {
  if (own_) {
    return;
  }
  auto own = std::make_shared<labels::KeyTable>(width_);
  std::vector<std::int32_t> table_rows(slots());
  for (std::size_t slot = 0; slot < slots(); ++slot) {
    table_rows[slot] = own->insert(table_->key(row_of_slot_[slot]));  // slot: the keys of a table differ
  }
  slot_of_row_ = table_rows;
  row_of_slot_ = std::move(table_rows);
  table_ = own;
  own_ = std::move(own);
}

void LabelRows::count(const Plan& plan, std::span<const Reservoir::Pick> picks, std::uint32_t reservoir_rows) noexcept {
  for (const std::uint32_t entry : plan) {
    if (entry == kNone) {
      continue;
    }
    const std::uint32_t row = entry & ~kFlush;
    ++counts_[row];
    if ((entry & kFlush) != 0) {
      wholes_.find(row)->second.tokens += counts_[row];
      counts_[row] = 0;
    }
  }
  sampled_.resize(reservoir_rows, kNone);  // room was made
  for (const Reservoir::Pick& pick : picks) {
    if (pick.index != Reservoir::kNone) {
      const std::uint32_t entry = plan[pick.row];
      sampled_[pick.index] = entry == kNone ? kNone : entry & ~kFlush;
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
    if (entry == kNone) {
      continue;
    }
    const std::uint32_t number = entry & ~kFlush;
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

std::vector<std::uint32_t> LabelRows::sampled_alone(const std::vector<Reservoir::Merged::Source>& sources) const {
  std::vector<std::uint32_t> result;
  result.reserve(Reservoir::kCapacity);
  for (const auto& [theirs, index] : sources) {
    result.push_back(theirs || index >= sampled_.size() ? kNone : sampled_[index]);
  }
  return result;
}

LabelRows::MergePlan LabelRows::plan_merge(const LabelRows& other,
                                           const std::vector<Reservoir::Merged::Source>& sources) {
  MergePlan result{std::vector<std::uint32_t>(other.rows(), kNone), {}};
  if (!table_ && !other.own_) {
    table_ = other.table_;
  } else if (table_ != other.table_) {
    own_table();
  }
  if (table_ == other.table_ && slot_of_row_.size() < other.slot_of_row_.size()) {
    grow_to(slot_of_row_, other.slot_of_row_.size());
    slot_of_row_.resize(other.slot_of_row_.size(), labels::kNoRow);
  }
  const auto other_slots = static_cast<std::uint32_t>(other.slots());  // with itself: no more than are there now
  for (std::uint32_t slot = 0; slot < other_slots; ++slot) {
    if (other.tokens_of_slot(slot) == 0) {
      continue;
    }
    const std::int32_t table_row = other.row_of_slot_[slot];
    const std::uint32_t here =
        table_ == other.table_ ? slot_of_table_row(table_row) : slot_of_key(other.table_->key(table_row));
    for (std::uint32_t part = 0; part < 4; ++part) {
      const std::uint32_t from = other.parts_[slot][part];
      if (from == kNone) {
        continue;
      }
      const std::uint32_t to = part_of(here, part);
      const int pending = (pending_[to] & ~kHasWhole) + (other.pending_[from] & ~kHasWhole);
      if ((other.pending_[from] & kHasWhole) != 0 || pending >= kFloatTokens) {
        whole(to);
      } else if ((pending_[to] & kHasWhole) == 0) {
        pending_[to] = static_cast<std::uint16_t>(pending);
      }
      result.rows[from] = to;
    }
  }
  result.sampled = sampled_alone(sources);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].theirs && sources[i].index < other.sampled_.size()) {
      const std::uint32_t from = other.sampled_[sources[i].index];
      result.sampled[i] = from == kNone ? kNone : result.rows[from];
    }
  }
  return result;
}

void LabelRows::merge(const LabelRows& other, MergePlan& plan) noexcept {
  for (std::uint32_t from = 0; from < plan.rows.size(); ++from) {
    const std::uint32_t to = plan.rows[from];
    if (to == kNone) {
      continue;
    }
    const float* const recent = other.row(from);
    const auto found = wholes_.find(to);
    if (found == wholes_.end()) {  // then the other row has none either
      std::transform(recent, recent + anchors_, row(to), row(to), std::plus<>());
      counts_[to] = static_cast<std::uint16_t>(counts_[to] + other.counts_[from]);
    } else {
      const std::int64_t tokens = other.tokens_of_row(from);
      other.add_row_to(from, found->second.sums.get());
      found->second.tokens += tokens;
    }
  }
  keep(plan.sampled);
}

std::int64_t LabelRows::memory_bytes() const noexcept {
  const auto block_bytes = static_cast<std::int64_t>(kBlockRows * sizeof(float)) * anchors_;
  // A node of the map beside its sums: key, count, pointers and bucket.
  const auto whole_bytes = static_cast<std::int64_t>(sizeof(double)) * anchors_ + 56;
  return bytes(slot_of_row_) + bytes(row_of_slot_) + bytes(parts_) + bytes(dealt_) + bytes(pending_) + bytes(counts_) +
         bytes(sampled_) + bytes(blocks_) + static_cast<std::int64_t>(blocks_.size()) * block_bytes +
         static_cast<std::int64_t>(wholes_.size()) * whole_bytes + (own_ ? own_->memory_bytes() : 0);
}

}  // namespace infoplane::estimator
