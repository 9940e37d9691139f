#include <ATen/Parallel.h>

#include <algorithm>
#include <functional>

#include "estimator/entropy.hpp"
#include "estimator/kernels/entropy.hpp"
#include "estimator/label_rows.hpp"
#include "estimator/label_sums.hpp"

namespace infoplane::estimator {

std::int64_t LabelRows::tokens_of_row(std::uint32_t row) const noexcept {
  return counts_[row] + (has_whole(row) ? wholes_.find(row)->second.tokens : 0);
}

std::int64_t LabelRows::tokens_of_slot(std::uint32_t slot) const noexcept {
  std::int64_t tokens = 0;
  for (const std::uint32_t row : parts_[slot]) {
    tokens += row == kNone ? 0 : tokens_of_row(row);
  }
  return tokens;
}

void LabelRows::add_row_to(std::uint32_t number, double* sums) const noexcept {
  const float* const recent = readout_ ? readout_->row(number, anchors_) : row(number);
  if (readout_ || !has_whole(number)) {
    for (std::int64_t b = 0; b < anchors_; ++b) {
      sums[b] += static_cast<double>(recent[b]);
    }
    return;
  }
  const double* const whole = wholes_.find(number)->second.sums.get();
  for (std::int64_t b = 0; b < anchors_; ++b) {
    sums[b] += static_cast<double>(recent[b]) + whole[b];
  }
}

void LabelRows::total(std::uint32_t slot, double* sums) const noexcept {
  std::fill_n(sums, anchors_, 0.0);
  for (const std::uint32_t row : parts_[slot]) {
    if (row != kNone) {
      add_row_to(row, sums);
    }
  }
}

std::vector<std::uint32_t> LabelRows::slot_of_row() const {
  std::vector<std::uint32_t> result(rows(), kNone);
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    for (const std::uint32_t row : parts_[slot]) {
      if (row != kNone) {
        result[row] = slot;
      }
    }
  }
  return result;
}

void LabelRows::split(std::uint32_t slot, Label& scratch, LabelEntropy& entry) const {
  std::array<const float*, 4> sums{};
  bool large = false;
  for (std::size_t part = 0; part < sums.size(); ++part) {
    const std::uint32_t number = parts_[slot][part];
    if (number != kNone && entry.parts[part] > 0) {
      sums[part] = row(number);
      large = large || has_whole(number);
    }
  }
  if (large) {
    scratch.load(*this, slot);
    Label::fill(entry, scratch.split());
  } else {
    Label::fill(entry, kernels::split_entropies(sums, anchors_, static_cast<double>(entry.tokens)));
  }
}

LabelEntropy LabelRows::label_entropy(std::uint32_t slot, Label& scratch, double* all) const {
  LabelEntropy entry{slot, 0, {}, {}, 1, 0, 0, 0, 0};
  std::uint32_t only = kNone;  // the row of a label that has one
  int rows = 0;
  for (std::size_t part = 0; part < entry.parts.size(); ++part) {
    const std::uint32_t row = parts_[slot][part];
    if (row != kNone) {
      entry.parts[part] = tokens_of_row(row);
      entry.squares[part] = squares_[row];
      entry.tokens += entry.parts[part];
      only = entry.parts[part] > 0 ? row : only;
      rows += entry.parts[part] > 0 ? 1 : 0;
    }
  }
  if (readout_) {
    const kernels::cuda::LabelEntropies& there = readout_->label(slot);
    entry.whole = there.whole;
    entry.halves = there.halves;
    entry.quarters = there.quarters;
    entry.noise = there.noise;
  } else if (rows == 1 && !has_whole(only)) {  // most labels
    const std::span<const float> sums(row(only), static_cast<std::size_t>(anchors_));
    std::transform(sums.begin(), sums.end(), all, all,
                   [](float sum, double of_all) { return of_all + static_cast<double>(sum); });
    entry.whole = entry.halves = entry.quarters = entropy_of_sums(sums);
  } else if (rows > 0) {
    auto& sums = scratch.sums[Label::kAll];
    total(slot, sums.data());
    std::transform(sums.begin(), sums.end(), all, all, std::plus<>());
    entry.whole = entry.halves = entry.quarters = entropy_of_sums(std::span<const double>(sums));
    if (rows > 1 && entry.tokens >= Extrapolation::kFewest) {
      split(slot, scratch, entry);
    }
  }
  return entry;
}

std::vector<LabelEntropy> LabelRows::label_entropies(std::vector<double>& all) const {
  constexpr std::size_t kSlots = 512;  // a piece of work; the order of sums is the same for any number of threads
  const auto m = static_cast<std::size_t>(anchors_);
  const std::size_t pieces = (slots() + kSlots - 1) / kSlots;
  std::vector<LabelEntropy> labels(slots());
  std::vector<double> sums(pieces * m, 0.0);
  at::parallel_for(0, static_cast<std::int64_t>(pieces), 1, [&](std::int64_t first, std::int64_t last) {
    Label scratch(anchors_);
    for (auto piece = static_cast<std::size_t>(first); piece < static_cast<std::size_t>(last); ++piece) {
      for (std::size_t slot = piece * kSlots; slot < std::min(slots(), (piece + 1) * kSlots); ++slot) {
        labels[slot] = label_entropy(static_cast<std::uint32_t>(slot), scratch, sums.data() + piece * m);
      }
    }
  });
  all = dropped_;
  if (readout_) {
    std::copy_n(readout_->sums(), m, all.begin());
  }
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    std::transform(all.begin(), all.end(), sums.begin() + static_cast<std::ptrdiff_t>(piece * m), all.begin(),
                   std::plus<>());
  }
  labels.erase(
      std::remove_if(labels.begin(), labels.end(), [](const LabelEntropy& label) { return label.tokens == 0; }),
      labels.end());
  return labels;
}

std::vector<ConditionalEntropy> LabelRows::conditional_entropies() const {
  std::vector<ConditionalEntropy> result;
  std::vector<double> sums(static_cast<std::size_t>(anchors_));
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    const std::int64_t tokens = tokens_of_slot(slot);
    if (tokens > 0) {
      total(slot, sums.data());
      const auto key = table_->key(row_of_slot_[slot]);
      result.push_back({{key.begin(), key.end()}, tokens, entropy_of_sums(sums)});
    }
  }
  return result;
}

}  // namespace infoplane::estimator
