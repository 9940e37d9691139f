#include "estimator/label_rows.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace infoplane::estimator {
namespace {

// By an eighth instead of twofold: there can be millions of labels.
template <typename T>
void grow_to(std::vector<T>& values, std::size_t size) {
  if (values.capacity() < size) {
    values.reserve(size + size / 8 + 16);
  }
}

template <typename T>
std::int64_t bytes(const std::vector<T>& values) {
  return static_cast<std::int64_t>(values.capacity() * sizeof(T));
}

}  // namespace

double entropy_of_sums(std::span<const double> sums) noexcept {
  double total = 0;
  for (const double value : sums) {
    total += value;
  }
  if (!(total > 0)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  double weighted = 0;
  for (const double value : sums) {
    if (value > 0) {
      const double share = value / total;
      weighted -= share * std::log(share);
    }
  }
  return weighted;
}

LabelRows::LabelRows(std::string name, int key_width, std::int64_t anchors)
    : name_(std::move(name)), width_(key_width), anchors_(anchors) {}

LabelRows::LabelRows(const LabelRows& other)
    : name_(other.name_),
      width_(other.width_),
      anchors_(other.anchors_),
      table_(other.table_),
      own_(other.own_ ? std::make_shared<labels::KeyTable>(*other.own_) : nullptr),
      slot_of_row_(other.slot_of_row_),
      row_of_slot_(other.row_of_slot_),
      counts_(other.counts_),
      pending_(other.pending_) {
  if (own_) {
    table_ = own_;
  }
  const std::size_t size = kBlockSlots * static_cast<std::size_t>(anchors_);
  for (const auto& block : other.blocks_) {
    blocks_.push_back(std::make_unique_for_overwrite<float[]>(size));
    std::copy_n(block.get(), size, blocks_.back().get());
  }
  for (const auto& [slot, sums] : other.frequent_) {
    std::copy_n(sums.get(), anchors_, frequent(slot));
  }
}

LabelRows::Plan LabelRows::plan(const labels::LabelAssignment& assignment, std::span<const std::uint8_t> used) {
  Plan result(assignment.rows.size(), kNone);
  if (!table_) {
    table_ = assignment.table;
  }
  const bool foreign = table_ != assignment.table;
  if (foreign) {
    own_table();
  } else {
    const auto rows = static_cast<std::size_t>(assignment.row_count);
    if (slot_of_row_.size() < rows) {
      grow_to(slot_of_row_, rows);
      slot_of_row_.resize(rows, labels::kNoRow);
    }
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::int32_t table_row = assignment.rows[i];
    if (table_row != labels::kNoRow && used[i] != 0) {
      result[i] = take(foreign ? slot_of_key(assignment.table->key(table_row)) : slot_of_row(table_row));
    }
  }
  return result;
}

LabelRows::Plan LabelRows::plan(std::span<const std::int64_t> labels, std::span<const std::uint8_t> used) {
  Plan result(labels.size(), kNone);
  own_table();
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (labels[i] != -1 && labels[i] != -100 && used[i] != 0) {
      result[i] = take(slot_of_key(labels.subspan(i, 1)));
    }
  }
  return result;
}

std::uint32_t LabelRows::slot_of_row(std::int32_t table_row) {
  const std::int32_t slot = slot_of_row_[static_cast<std::size_t>(table_row)];
  return slot != labels::kNoRow ? static_cast<std::uint32_t>(slot) : append_slot(table_row);
}

std::uint32_t LabelRows::slot_of_key(std::span<const std::int64_t> key) {
  const std::int32_t table_row = own_->insert(key);
  if (slot_of_row_.size() < static_cast<std::size_t>(own_->size())) {
    grow_to(slot_of_row_, static_cast<std::size_t>(own_->size()));
    slot_of_row_.resize(static_cast<std::size_t>(own_->size()), labels::kNoRow);
  }
  return slot_of_row(table_row);
}

std::uint32_t LabelRows::append_slot(std::int32_t table_row) {
  const std::size_t slot = slots();
  // All memory first, so that the vectors keep equal lengths whatever fails.
  grow_to(row_of_slot_, slot + 1);
  grow_to(counts_, slot + 1);
  grow_to(pending_, slot + 1);
  if (slot / kBlockSlots == blocks_.size()) {
    blocks_.push_back(std::make_unique<float[]>(kBlockSlots * static_cast<std::size_t>(anchors_)));
  }
  row_of_slot_.push_back(table_row);
  counts_.push_back(0);
  pending_.push_back(0);
  slot_of_row_[static_cast<std::size_t>(table_row)] = static_cast<std::int32_t>(slot);
  return static_cast<std::uint32_t>(slot);
}

std::uint32_t LabelRows::take(std::uint32_t slot) {
  if (++pending_[slot] < kFloatTokens) {
    return slot;
  }
  frequent(slot);
  pending_[slot] = 0;
  return slot | kFlush;
}

double* LabelRows::frequent(std::uint32_t slot) {
  const auto found = frequent_.find(slot);
  if (found != frequent_.end()) {
    return found->second.get();
  }
  return frequent_.emplace(slot, std::make_unique<double[]>(static_cast<std::size_t>(anchors_))).first->second.get();
}

void LabelRows::own_table() {
  if (own_) {
    return;
  }
  auto own = std::make_shared<labels::KeyTable>(width_);
  std::vector<std::int32_t> rows(slots());
  for (std::size_t slot = 0; slot < slots(); ++slot) {
    rows[slot] = own->insert(table_->key(row_of_slot_[slot]));  // slot: the keys of a table differ
  }
  slot_of_row_ = rows;
  row_of_slot_ = std::move(rows);
  table_ = own;
  own_ = std::move(own);
}

void LabelRows::count(const Plan& plan) noexcept {
  for (const std::uint32_t entry : plan) {
    if (entry != kNone) {
      ++counts_[entry & ~kFlush];
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
    const std::uint32_t slot = entry & ~kFlush;
    float* __restrict sums = row(slot);
    const float* __restrict p = probabilities + i * anchors_;
    for (std::int64_t b = first; b < last; ++b) {
      sums[b] += p[b];
    }
    if ((entry & kFlush) != 0) {
      double* const whole = frequent_.find(slot)->second.get();
      for (std::int64_t b = first; b < last; ++b) {
        whole[b] += sums[b];
        sums[b] = 0;
      }
    }
  }
}

std::vector<std::uint32_t> LabelRows::plan_merge(const LabelRows& other) {
  std::vector<std::uint32_t> result(other.slots(), kNone);
  if (!table_ && !other.own_) {
    table_ = other.table_;
  } else if (table_ != other.table_) {
    own_table();
  }
  if (table_ == other.table_ && slot_of_row_.size() < other.slot_of_row_.size()) {
    grow_to(slot_of_row_, other.slot_of_row_.size());
    slot_of_row_.resize(other.slot_of_row_.size(), labels::kNoRow);
  }
  for (std::uint32_t slot = 0; slot < result.size(); ++slot) {
    if (other.counts_[slot] == 0) {
      continue;
    }
    const std::int32_t table_row = other.row_of_slot_[slot];
    const std::uint32_t here =
        table_ == other.table_ ? slot_of_row(table_row) : slot_of_key(other.table_->key(table_row));
    const int pending = pending_[here] + other.pending_[slot];
    if (other.frequent_.count(slot) != 0 || pending >= kFloatTokens) {
      frequent(here);
    } else {
      pending_[here] = static_cast<std::uint16_t>(pending);
    }
    result[slot] = here;
  }
  return result;
}

void LabelRows::merge(const LabelRows& other, const std::vector<std::uint32_t>& slots) noexcept {
  for (std::uint32_t from = 0; from < slots.size(); ++from) {
    const std::uint32_t here = slots[from];
    if (here == kNone) {
      continue;
    }
    const float* const recent = other.row(from);
    const auto sums = frequent_.find(here);
    if (sums == frequent_.end()) {  // then the other set has none for this label either
      std::transform(recent, recent + anchors_, row(here), row(here), std::plus<>());
    } else {
      const auto whole = other.frequent_.find(from);
      for (std::int64_t b = 0; b < anchors_; ++b) {
        const auto column = static_cast<std::size_t>(b);
        sums->second[column] += recent[b] + (whole != other.frequent_.end() ? whole->second[column] : 0.0);
      }
    }
    counts_[here] += other.counts_[from];
  }
}

void LabelRows::total(std::uint32_t slot, double* sums) const noexcept {
  std::copy_n(row(slot), anchors_, sums);
  const auto whole = frequent_.find(slot);
  if (whole != frequent_.end()) {
    for (std::int64_t b = 0; b < anchors_; ++b) {
      sums[b] += whole->second[static_cast<std::size_t>(b)];
    }
  }
}

InformationEstimate LabelRows::estimate(LabelWeights weights) const {
  InformationEstimate result;
  result.name = name_;
  std::vector<double> all(static_cast<std::size_t>(anchors_), 0.0);
  std::vector<double> sums(all.size());
  double weighted = 0;
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    if (counts_[slot] == 0) {
      continue;
    }
    total(slot, sums.data());
    std::transform(all.begin(), all.end(), sums.begin(), all.begin(), std::plus<>());
    weighted += entropy_of_sums(sums) * (weights == LabelWeights::kUniform ? 1.0 : static_cast<double>(counts_[slot]));
    result.tokens += counts_[slot];
    ++result.labels;
  }
  const auto weight_sum = static_cast<double>(weights == LabelWeights::kUniform ? result.labels : result.tokens);
  result.entropy_nats = entropy_of_sums(all);
  result.conditional_entropy_nats = weighted / weight_sum;  // NaN over no tokens
  result.information_nats = result.entropy_nats - result.conditional_entropy_nats;
  return result;
}

std::vector<ConditionalEntropy> LabelRows::conditional_entropies() const {
  std::vector<ConditionalEntropy> result;
  std::vector<double> sums(static_cast<std::size_t>(anchors_));
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    if (counts_[slot] > 0) {
      total(slot, sums.data());
      const auto key = table_->key(row_of_slot_[slot]);
      result.push_back({{key.begin(), key.end()}, counts_[slot], entropy_of_sums(sums)});
    }
  }
  return result;
}

std::int64_t LabelRows::memory_bytes() const noexcept {
  const auto block_bytes = static_cast<std::int64_t>(kBlockSlots * sizeof(float)) * anchors_;
  // A node of the map beside its sums: key, pointers and bucket.
  const auto frequent_bytes = static_cast<std::int64_t>(sizeof(double)) * anchors_ + 48;
  return bytes(slot_of_row_) + bytes(row_of_slot_) + bytes(counts_) + bytes(pending_) + bytes(blocks_) +
         static_cast<std::int64_t>(blocks_.size()) * block_bytes +
         static_cast<std::int64_t>(frequent_.size()) * frequent_bytes + (own_ ? own_->memory_bytes() : 0);
}

}  // namespace infoplane::estimator
