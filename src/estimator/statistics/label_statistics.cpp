#include <ATen/Parallel.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "estimator/label_sums/label_rows.hpp"
#include "estimator/statistics/entropy.hpp"
#include "estimator/statistics/label_parts.hpp"
#include "estimator/statistics/prefetch.hpp"

namespace infoplane::estimator {
namespace {

/// Halves, quarters and noise from entropies of rows and pairs.
void fill(LabelEntropies& result, const LabelCounts& counts, const kernels::SplitEntropies& entropies) noexcept {
  const auto n = static_cast<double>(counts.tokens);
  std::array<double, 3> halves{};
  for (std::size_t pair = 0; pair < kPairs.size(); ++pair) {
    const std::int64_t of_pair = counts.parts[kPairs[pair][0]] + counts.parts[kPairs[pair][1]];
    halves[pair / 2] += entropies.pairs[pair] * static_cast<double>(of_pair) / n;
  }
  result.halves = (halves[0] + halves[1] + halves[2]) / 3;
  result.quarters = 0;
  for (std::size_t part = 0; part < counts.parts.size(); ++part) {
    result.quarters += entropies.rows[part] * static_cast<double>(counts.parts[part]) / n;
  }
  for (const double half : halves) {
    result.noise += (half - result.halves) * (half - result.halves) / 2;
  }
}

}  // namespace

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

LabelCounts LabelRows::counts_of(std::uint32_t slot) const noexcept {
  LabelCounts counts;
  for (std::size_t part = 0; part < counts.parts.size(); ++part) {
    const std::uint32_t row = parts_[slot][part];
    if (row != kNone) {
      counts.parts[part] = tokens_of_row(row);
      counts.squares[part] = squares_[row];
      counts.tokens += counts.parts[part];
    }
  }
  return counts;
}

LabelEntropies LabelRows::entropies_of(std::uint32_t slot, const LabelCounts& counts, Label& scratch,
                                       double* all) const {
  if (readout_) {
    const cuda::LabelEntropies& there = readout_->label(slot);
    return {there.whole, there.halves, there.quarters, there.noise};
  }
  std::array<const float*, 4> sums{};
  bool large = false;
  for (std::size_t part = 0; part < sums.size(); ++part) {
    const std::uint32_t number = parts_[slot][part];
    if (counts.parts[part] > 0) {
      sums[part] = row(number);
      large = large || has_whole(number);
    }
  }
  LabelEntropies result;
  if (large) {
    scratch.load(*this, slot);
    const auto& of_all = scratch.sums[Label::kAll];
    std::transform(of_all.begin(), of_all.end(), all, all, std::plus<>());
    result.whole = result.halves = result.quarters = scratch.entropy(Label::kAll);
  } else {
    result.whole = result.halves = result.quarters = kernels::total_entropy(sums, anchors_, all);
  }
  if (counts.splits()) {
    fill(result, counts,
         large ? scratch.split() : kernels::split_entropies(sums, anchors_, static_cast<double>(counts.tokens)));
  }
  return result;
}

LabelTotals LabelRows::totals(LabelWeights weights, const TokenBias& bias, std::vector<double>& all) const {
  constexpr std::size_t kBlock = 64, kAhead = 4;
  // The number of pieces, and so the order of sums, does not depend on that of threads.
  const std::size_t pieces = std::clamp<std::size_t>(slots() / 256, 1, 32);
  const auto m = static_cast<std::size_t>(anchors_);
  std::vector<double> sums(pieces * m, 0.0);
  std::vector<LabelTotals> totals(pieces);
  const auto add = [&](std::size_t piece, std::size_t slot, Label& scratch) {
    const LabelCounts counts = counts_of(static_cast<std::uint32_t>(slot));
    if (counts.tokens > 0) {
      const LabelEntropies entropies =
          entropies_of(static_cast<std::uint32_t>(slot), counts, scratch, sums.data() + piece * m);
      totals[piece].add(counts, entropies, weight_of(counts, weights), bias);
    }
  };
  at::parallel_for(0, static_cast<std::int64_t>(pieces), 1, [&](std::int64_t first, std::int64_t last) {
    Label scratch(anchors_);
    for (auto piece = static_cast<std::size_t>(first); piece < static_cast<std::size_t>(last); ++piece) {
      // Blocks go round over pieces: early labels are the frequent ones and have more rows than others.
      for (std::size_t block = piece * kBlock; block < slots(); block += pieces * kBlock) {
        for (std::size_t slot = block; slot < std::min(slots(), block + kBlock); ++slot) {
          if (!readout_) {
            prefetch(std::min(slot + kAhead, slots() - 1));
          }
          add(piece, slot, scratch);
        }
      }
    }
  });
  all = readout_ ? std::vector<double>(readout_->sums(), readout_->sums() + m) : dropped_;
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    std::transform(all.begin(), all.end(), sums.begin() + static_cast<std::ptrdiff_t>(piece * m), all.begin(),
                   std::plus<>());
    if (piece > 0) {
      totals[0].add(totals[piece]);
    }
  }
  return totals[0];
}

void LabelRows::prefetch(std::size_t slot) const noexcept {
  for (const std::uint32_t number : parts_[slot]) {
    if (number != kNone) {
      prefetch_row(row(number), static_cast<std::size_t>(anchors_));
    }
  }
}

std::vector<double> LabelRows::sum_of_all() const {
  if (readout_) {
    return {readout_->sums(), readout_->sums() + anchors_};
  }
  std::vector<double> all = dropped_;
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    for (const std::uint32_t row : parts_[slot]) {
      if (row != kNone) {
        add_row_to(row, all.data());
      }
    }
  }
  return all;
}

std::int64_t LabelRows::tokens() const noexcept {
  std::int64_t tokens = std::accumulate(counts_.begin(), counts_.end(), dropped_tokens_);  // free rows have none
  for (const auto& [row, whole] : wholes_) {
    tokens += whole.tokens;
  }
  return tokens;
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
