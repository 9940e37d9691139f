#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <infoplane/core/error.hpp>
#include <optional>

#include "estimator/covariance.hpp"
#include "estimator/entropy.hpp"
#include "estimator/label_parts.hpp"
#include "estimator/label_rows.hpp"

namespace infoplane::estimator {
namespace {

constexpr double kFewestShare = 0.1;  // of the tokens, with labels that can be extrapolated from

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

void add_to(std::vector<double>& sums, const double* values) noexcept {
  std::transform(sums.begin(), sums.end(), values, sums.begin(), std::plus<>());
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
  const float* const recent = row(number);
  if (!has_whole(number)) {
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

template <typename Visit>
void LabelRows::for_pieces(std::size_t pieces, const Visit& visit) const {
  // Slots go round over pieces, a block at a time: early labels are the frequent ones and have more rows than others.
  constexpr std::size_t kBlock = 64;
  at::parallel_for(0, static_cast<std::int64_t>(pieces), 1, [&](std::int64_t first, std::int64_t last) {
    Label scratch(anchors_);
    for (auto piece = static_cast<std::size_t>(first); piece < static_cast<std::size_t>(last); ++piece) {
      for (std::size_t block = piece * kBlock; block < slots(); block += pieces * kBlock) {
        for (std::size_t slot = block; slot < std::min(slots(), block + kBlock); ++slot) {
          visit(piece, static_cast<std::uint32_t>(slot), scratch);
        }
      }
    }
  });
}

LabelTotals LabelRows::totals(LabelWeights weights, const TokenBias& bias, std::vector<double>& all) const {
  // The number of pieces, and so the order of sums, does not depend on that of threads.
  const std::size_t pieces = std::clamp<std::size_t>(slots() / 256, 1, 32);
  const auto m = static_cast<std::size_t>(anchors_);
  std::vector<double> sums(pieces * m, 0.0);
  std::vector<LabelTotals> totals(pieces);
  for_pieces(pieces, [&](std::size_t piece, std::uint32_t slot, Label& scratch) {
    const LabelCounts counts = counts_of(slot);
    if (counts.tokens > 0) {
      const LabelEntropies entropies = entropies_of(slot, counts, scratch, sums.data() + piece * m);
      const double weight = weights == LabelWeights::kUniform ? 1.0 : static_cast<double>(counts.tokens);
      totals[piece].add(counts, entropies, weight, bias);
    }
  });
  all = dropped_;
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    add_to(all, sums.data() + piece * m);
    if (piece > 0) {
      totals[0].add(totals[piece]);
    }
  }
  return totals[0];
}

std::vector<double> LabelRows::sum_of_all() const {
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
  std::int64_t tokens = dropped_tokens_;
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    tokens += tokens_of_slot(slot);
  }
  return tokens;
}

LabelRows::Statistics LabelRows::statistics(LabelWeights weights, const Reservoir& reservoir,
                                            std::span<const std::uint32_t> reservoir_order,
                                            const Background& all_rows) const {
  std::vector<std::uint32_t> rows;
  for (const std::uint32_t index : reservoir_order) {
    if (index < sampled_.size() && sampled_[index] != kNone) {
      rows.push_back(index);
    }
  }
  std::optional<Background> own;
  if (!rows.empty() && rows.size() < reservoir.size() - reservoir.size() / 10) {
    own.emplace(reservoir, rows, sum_of_all(), tokens());
  }
  const auto& [curve, spread] = own ? *own : all_rows;
  std::vector<double> all;
  const LabelTotals totals = this->totals(weights, TokenBias(curve, spread.correlation), all);

  Statistics result;
  InformationEstimate& estimate = result.estimate;
  estimate.name = name_;
  const double labels = totals.sum(LabelTotals::kLabels);
  const double tokens = totals.sum(LabelTotals::kTokens);
  const double weight = totals.sum(LabelTotals::kWeight);
  estimate.labels_kept = static_cast<std::int64_t>(labels);
  estimate.labels = static_cast<std::int64_t>(std::ldexp(labels, level_));
  estimate.tokens = static_cast<std::int64_t>(tokens) + dropped_tokens_;
  estimate.entropy_nats = entropy_of_sums(all);
  estimate.conditional_entropy_nats = labels > 0 ? totals.sum(LabelTotals::kEntropy) / weight : kUndefined;
  estimate.information_nats = estimate.entropy_nats - estimate.conditional_entropy_nats;
  if (labels > 0) {
    estimate.share_1 = totals.bucket(0)[LabelTotals::kTokens] / tokens;
    estimate.share_4 = totals.sum(LabelTotals::kTokens, LabelTotals::bucket_of(4)) / tokens;
    estimate.share_32 = totals.sum(LabelTotals::kTokens, LabelTotals::bucket_of(32)) / tokens;
  }
  if (labels == 0 || rows.empty()) {
    estimate.reason = estimate.error_reason = estimate.tokens == 0 ? "no token has a label of this set"
                                              : labels == 0 ? "no label is in the sample of labels: raise max_labels"
                                                            : "no row of the sample has a label of this set";
    return result;
  }
  const Extrapolation extrapolation(totals, curve);
  estimate.corrected_entropy_nats = estimate.entropy_nats + spread.entropy_bias;
  estimate.null_nats = totals.sum(LabelTotals::kNull) / weight - curve.bias_of_all(estimate.tokens);
  result.second_order = extrapolation.second_order();
  // Of a ratio over labels that are in the sample with probability 2^−level each.
  result.of_labels = level_ > 0 ? (1 - std::ldexp(1.0, -level_)) * extrapolation.squared_residuals() : 0.0;
  if (estimate.share_4 < kFewestShare) {
    estimate.reason = detail::concat("only ", std::round(estimate.share_4 * 1000) / 10,
                                     " % of the tokens have a label that was seen at least 4 times; 10 % are needed");
  } else if (!extrapolation.solved()) {
    estimate.reason = "no label was seen in more than one sequence";
  } else {
    estimate.corrected_nats =
        estimate.corrected_entropy_nats - estimate.conditional_entropy_nats - extrapolation.correction();
  }
  add_influences({weights, weight}, reservoir, extrapolation, all, result);
  return result;
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
