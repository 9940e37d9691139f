#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <numeric>

#include "estimator/statistics/entropy_kernels.hpp"
#include "estimator/statistics/label_set_estimator.hpp"
#include "estimator/statistics/label_statistics.hpp"
#include "estimator/statistics/pointwise_surprisal.hpp"

namespace infoplane::estimator {

void LabelSetEstimator::add_entropy_influences() {
  const auto anchors = static_cast<std::int64_t>(all_.size());
  const double share = 1 / static_cast<double>(result_.estimate.tokens);
  std::vector<double> logs(all_.size());
  kernels::logarithms(all_.data(), anchors, share, logs.data());
  auto& influence = result_.entropy_influence;
  influence.assign(reservoir_.size(), 0.0);
  double mean = 0;
  for (const std::uint32_t index : rows_) {
    influence[index] = -share * kernels::dot(reservoir_.row(index), logs.data(), anchors);
    mean += influence[index] / static_cast<double>(rows_.size());
  }
  for (const std::uint32_t index : rows_) {
    influence[index] -= mean;
  }
}

void LabelSetEstimator::add_context_influences() {
  if (row_entropies_.empty() || weights_ == LabelWeights::kUniform || std::isnan(result_.estimate.context_nats)) {
    return;  // with uniform weights a row counts by its label, which not every rank knows
  }
  const double share = 1 / static_cast<double>(result_.estimate.tokens);
  double mean = 0;
  for (const std::uint32_t index : rows_) {
    mean += row_entropies_[index] / static_cast<double>(rows_.size());
  }
  auto& influence = result_.context_influence;
  influence = result_.entropy_influence;
  for (const std::uint32_t index : rows_) {
    influence[index] -= share * (row_entropies_[index] - mean);
  }
}

double LabelSetEstimator::entropy_of_row(std::uint32_t index) const noexcept {
  const float* const p = reservoir_.row(index);
  return row_entropies_.empty() ? -static_cast<double>(kernels::dot_logarithms(p, {p}, set_.anchors(), 1))
                                : row_entropies_[index];
}

std::vector<LabelOfRow> LabelSetEstimator::rows_by_label() const {
  const std::vector<std::uint32_t> slot_of = set_.replicates().slot_of_sum(set_.counts().size());
  std::vector<std::uint32_t> next(set_.replicates().size(), 0);  // by slot: its rows, then where the next one goes
  for (const std::uint32_t index : kept_rows_) {
    ++next[slot_of[set_.sampled()[index]]];
  }
  std::exclusive_scan(next.begin(), next.end(), next.begin(), 0U);
  std::vector<LabelOfRow> rows(kept_rows_.size());
  for (const std::uint32_t index : kept_rows_) {
    const std::uint32_t slot = slot_of[set_.sampled()[index]];
    rows[next[slot]++] = {slot, index};
  }
  return rows;
}

void LabelSetEstimator::add_influences(const Extrapolation& extrapolation, double sum_of_weights) {
  const std::vector<LabelOfRow> rows = rows_by_label();
  result_.information_influence.assign(reservoir_.size(), 0.0);
  PointwiseSurprisal surprisal(set_);
  ReplicateSums scratch(set_.anchors());
  std::vector<double> ignored(all_.size());
  std::vector<std::size_t> part_of;
  for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    const std::uint32_t slot = rows[begin].slot;
    const Replicates::Sums& parts = set_.replicates().sums(slot);
    std::array<bool, 4> wanted{};
    part_of.clear();
    for (; end < rows.size() && rows[end].slot == slot; ++end) {
      const auto part = std::find(parts.begin(), parts.end(), set_.sampled()[rows[end].index]) - parts.begin();
      part_of.push_back(static_cast<std::size_t>(part));
      wanted[part_of.back()] = true;
    }
    const LabelCounts counts = counts_of(set_, slot);
    const auto gain = counts.grows() ? extrapolation.gain(counts.tokens) : Extrapolation::Gain{};
    const double of_row = counts.grows() && counts.knows_rows() ? gain.growth : 0.0;
    const double of_part = gain.growth - of_row, of_half = counts.splits() ? gain.half : 0.0;
    // Tokens of a label have its bias, and bring growth beyond what is expected of such a label.
    const LabelBiases biases(counts, TokenBias(background().curve, correlation_));
    double of_label = gain.growth * extrapolation.of(counts.tokens, biases.growth) +
                      of_half * extrapolation.of(counts.tokens, biases.half) -
                      extrapolation.of(counts.tokens, biases.all);
    if (weights_ == LabelWeights::kUniform) {
      const LabelEntropies entropies = entropies_of(set_, slot, counts, scratch, ignored.data());
      of_label = (1 + gain.growth + of_half) * entropies.whole - of_half * entropies.halves -
                 of_part * entropies.quarters -
                 (of_row != 0 ? of_row * counts.row_entropies / static_cast<double>(counts.tokens) : 0.0);
    }
    surprisal.load(
        slot, counts,
        {static_cast<float>(1 + gain.growth + of_half), static_cast<float>(-of_half / 3), static_cast<float>(-of_part)},
        wanted);
    const double weight = weight_of(counts, weights_) / sum_of_weights / static_cast<double>(counts.tokens);
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint32_t index = rows[i].index;
      result_.information_influence[index] =
          -weight * (surprisal(reservoir_.row(index), part_of[i - begin]) -
                     (of_row != 0 ? of_row * entropy_of_row(index) : 0.0) - of_label);
    }
  }
  if (sums_.balanced() && set_.slots().level() == 0) {
    keep_label_shares(rows);
  }
}

void LabelSetEstimator::keep_label_shares(std::span<const LabelOfRow> rows) {
  auto& influence = result_.information_influence;  // H(Z)'s is added to it in the end
  const auto& of_entropy = result_.entropy_influence;
  std::vector<std::int64_t> sequences;
  for (std::size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    double sum = 0;
    sequences.clear();
    for (; end < rows.size() && rows[end].slot == rows[begin].slot; ++end) {
      const std::uint32_t index = rows[end].index;
      sum += influence[index] + of_entropy[index];
      sequences.push_back(reservoir_.sequence(index));
    }
    std::sort(sequences.begin(), sequences.end());
    const auto independent =
        static_cast<double>(std::distance(sequences.begin(), std::unique(sequences.begin(), sequences.end())));
    if (independent < 2) {
      continue;
    }
    const double mean = sum / static_cast<double>(end - begin);
    for (std::size_t i = begin; i < end; ++i) {
      const std::uint32_t index = rows[i].index;
      const double own = influence[index] + of_entropy[index] - mean;  // the mean took a part of it away
      influence[index] = own * std::sqrt(independent / (independent - 1)) - of_entropy[index];
    }
  }
}

}  // namespace infoplane::estimator
