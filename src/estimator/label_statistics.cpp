#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <numeric>

#include "estimator/entropy.hpp"
#include "estimator/kernels/entropy.hpp"
#include "estimator/label_rows.hpp"

namespace infoplane::estimator {
namespace {

constexpr double kFewestShare = 0.1;  // of the tokens, with labels that can be extrapolated from

double dot(const float* p, const std::vector<double>& logs) noexcept {
  double sum = 0;
  for (std::size_t b = 0; b < logs.size(); ++b) {
    sum += static_cast<double>(p[b]) * logs[b];
  }
  return sum;
}

void subtract_mean(std::vector<double>& values, std::span<const std::uint32_t> of) noexcept {
  double mean = 0;
  for (const std::uint32_t i : of) {
    mean += values[i] / static_cast<double>(of.size());
  }
  for (const std::uint32_t i : of) {
    values[i] -= mean;
  }
}

}  // namespace

/// The sums of a label's four parts, of its halves {0, 2} and {1, 3}, and of all.
struct LabelRows::Label {
  static constexpr std::size_t kHalf = 4;
  static constexpr std::size_t kAll = 6;
  std::array<std::int64_t, 7> tokens{};
  std::array<std::vector<double>, 7> sums;

  explicit Label(std::int64_t anchors) { sums.fill(std::vector<double>(static_cast<std::size_t>(anchors))); }

  void load(const LabelRows& rows, std::uint32_t slot) {
    for (std::size_t part = 0; part < 4; ++part) {
      std::fill(sums[part].begin(), sums[part].end(), 0.0);
      const std::uint32_t row = rows.parts_[slot][part];
      tokens[part] = row == kNone ? 0 : rows.tokens_of_row(row);
      if (tokens[part] > 0) {
        rows.add_row_to(row, sums[part].data());
      }
    }
    join(0, 2, kHalf);
    join(1, 3, kHalf + 1);
    join(kHalf, kHalf + 1, kAll);
  }
  bool whole() const noexcept {  // all tokens in one part
    return std::any_of(tokens.begin(), tokens.begin() + 4, [this](auto part) { return part == tokens[kAll]; });
  }
  double entropy(std::size_t of) const { return entropy_of_sums(sums[of]); }
  /// Mean entropy of `count` parts, weighted by their tokens.
  double mean_entropy(std::size_t first, std::size_t count) const {
    double mean = 0;
    for (std::size_t i = first; i < first + count; ++i) {
      mean += tokens[i] > 0 ? entropy(i) * static_cast<double>(tokens[i]) / static_cast<double>(tokens[kAll]) : 0.0;
    }
    return mean;
  }

 private:
  void join(std::size_t a, std::size_t b, std::size_t into) {
    std::transform(sums[a].begin(), sums[a].end(), sums[b].begin(), sums[into].begin(), std::plus<>());
    tokens[into] = tokens[a] + tokens[b];
  }
};

std::int64_t LabelRows::tokens_of_row(std::uint32_t row) const noexcept {
  return counts_[row] + ((pending_[row] & kHasWhole) != 0 ? wholes_.find(row)->second.tokens : 0);
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
  if ((pending_[number] & kHasWhole) == 0) {
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

std::vector<LabelEntropy> LabelRows::label_entropies(LabelWeights weights, InformationEstimate& into,
                                                     std::vector<double>& all) const {
  std::vector<LabelEntropy> labels;
  labels.reserve(slots());
  Label label(anchors_);
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    label.load(*this, slot);
    const std::int64_t tokens = label.tokens[Label::kAll];
    if (tokens == 0) {
      continue;
    }
    std::transform(all.begin(), all.end(), label.sums[Label::kAll].begin(), all.begin(), std::plus<>());
    LabelEntropy entry{slot, tokens, {}, 1, label.entropy(Label::kAll), 0, 0};
    std::copy_n(label.tokens.begin(), 4, entry.parts.begin());
    entry.halves = label.whole() ? entry.whole : label.mean_entropy(Label::kHalf, 2);
    entry.quarters = label.whole() ? entry.whole : label.mean_entropy(0, 4);
    labels.push_back(entry);
    into.tokens += tokens;
  }
  into.labels = static_cast<std::int64_t>(labels.size());
  double conditional = labels.empty() ? kUndefined : 0;
  double once = 0, few = 0, many = 0;
  for (LabelEntropy& entry : labels) {
    const double share = static_cast<double>(entry.tokens) / static_cast<double>(into.tokens);
    entry.weight = weights == LabelWeights::kUniform ? 1 / static_cast<double>(labels.size()) : share;
    conditional += entry.weight * entry.whole;
    once += entry.tokens == 1 ? share : 0;
    few += entry.tokens >= 4 ? share : 0;
    many += entry.tokens >= 32 ? share : 0;
  }
  into.entropy_nats = entropy_of_sums(all);
  into.conditional_entropy_nats = conditional;
  into.information_nats = into.entropy_nats - conditional;
  if (!labels.empty()) {
    into.share_1 = once;
    into.share_4 = few;
    into.share_32 = many;
  }
  return labels;
}

LabelRows::Statistics LabelRows::statistics(LabelWeights weights, const Reservoir& reservoir,
                                            std::span<const std::uint32_t> reservoir_order) const {
  Statistics result;
  InformationEstimate& estimate = result.estimate;
  estimate.name = name_;
  std::vector<double> all(static_cast<std::size_t>(anchors_), 0.0);
  const std::vector<LabelEntropy> labels = label_entropies(weights, estimate, all);
  std::vector<const float*> rows;
  for (const std::uint32_t index : reservoir_order) {
    if (index < sampled_.size() && sampled_[index] != kNone) {
      rows.push_back(reservoir.row(index));
    }
  }
  if (labels.empty() || rows.empty()) {
    estimate.reason = estimate.error_reason =
        labels.empty() ? "no token has a label of this set" : "no row of the sample has a label of this set";
    return result;
  }
  const NullCurve curve(rows, all, estimate.tokens);
  const Extrapolation extrapolation(labels, curve);
  estimate.corrected_entropy_nats = curve.entropy();
  double null = estimate.entropy_nats - curve.entropy();
  double corrected = curve.entropy() - estimate.conditional_entropy_nats;
  for (const LabelEntropy& label : labels) {
    null += label.weight * curve.bias(label.tokens);
    corrected -= label.weight * extrapolation.correction(label.tokens);
  }
  estimate.null_nats = null;
  if (estimate.share_4 < kFewestShare) {
    estimate.reason = detail::concat("only ", std::round(estimate.share_4 * 1000) / 10,
                                     " % of the tokens have a label that was seen at least 4 times; 10 % are needed");
  } else if (!extrapolation.solved()) {
    estimate.reason = "no label was seen in more than one sequence";
  } else {
    estimate.corrected_nats = corrected;
  }
  add_influences(weights, reservoir, labels, extrapolation, all, result);
  return result;
}

void LabelRows::add_influences(LabelWeights weights, const Reservoir& reservoir, std::span<const LabelEntropy> labels,
                               const Extrapolation& extrapolation, std::span<const double> all,
                               Statistics& into) const {
  const auto m = static_cast<std::size_t>(anchors_);
  const double share = 1 / static_cast<double>(into.estimate.tokens);
  std::vector<double> logs(m);
  kernels::logarithms(all.data(), anchors_, share, logs.data());
  std::vector<std::uint32_t> rows;
  into.entropy_influence.assign(reservoir.size(), 0.0);
  for (std::uint32_t index = 0; index < sampled_.size(); ++index) {
    if (sampled_[index] != kNone) {
      rows.push_back(index);
      into.entropy_influence[index] = -share * dot(reservoir.row(index), logs);
    }
  }
  if (std::isnan(into.estimate.corrected_nats)) {
    subtract_mean(into.entropy_influence, rows);
    return;
  }
  const std::vector<std::uint32_t> slot_of = slot_of_row();
  std::vector<const LabelEntropy*> label_of(slots(), nullptr);
  for (const LabelEntropy& label : labels) {
    label_of[label.slot] = &label;
  }
  std::sort(rows.begin(), rows.end(), [&](std::uint32_t a, std::uint32_t b) {
    const std::uint32_t first = slot_of[sampled_[a]], second = slot_of[sampled_[b]];
    return first != second ? first < second : a < b;
  });
  into.information_influence = into.entropy_influence;
  Label sums(anchors_);
  std::array<std::vector<double>, 7> label_logs;
  label_logs.fill(std::vector<double>(m));
  std::uint32_t current = kNone;
  std::array<double, 2> gain{};
  for (const std::uint32_t index : rows) {
    const std::uint32_t slot = slot_of[sampled_[index]];
    const LabelEntropy& label = *label_of[slot];
    if (slot != current) {
      current = slot;
      sums.load(*this, slot);
      gain = sums.whole() ? std::array<double, 2>{} : extrapolation.gain(label.tokens);
      for (std::size_t i = 0; i < sums.tokens.size(); ++i) {
        if (sums.tokens[i] > 0 && (i == Label::kAll || gain != std::array<double, 2>{})) {
          kernels::logarithms(sums.sums[i].data(), anchors_, 1 / static_cast<double>(sums.tokens[i]),
                              label_logs[i].data());
        }
      }
    }
    const float* const p = reservoir.row(index);
    double surprise = -dot(p, label_logs[Label::kAll]);
    if (gain != std::array<double, 2>{}) {
      const auto part = static_cast<std::size_t>(std::find(parts_[slot].begin(), parts_[slot].end(), sampled_[index]) -
                                                 parts_[slot].begin());
      const double half = -dot(p, label_logs[Label::kHalf + part % 2]);
      const double quarter = -dot(p, label_logs[part]);
      surprise += gain[0] * (surprise - half) + gain[1] * (half - quarter);
    }
    if (weights == LabelWeights::kUniform) {
      surprise -= label.whole + gain[0] * (label.whole - label.halves) + gain[1] * (label.halves - label.quarters);
    }
    into.information_influence[index] -= label.weight / static_cast<double>(label.tokens) * surprise;
  }
  subtract_mean(into.information_influence, rows);
  subtract_mean(into.entropy_influence, rows);
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
