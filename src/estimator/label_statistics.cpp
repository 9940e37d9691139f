#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <infoplane/core/error.hpp>
#include <numeric>
#include <optional>

#include "estimator/covariance.hpp"
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

/// The sums of a label's four parts, of each pair of them, and of all.
struct LabelRows::Label {
  static constexpr std::size_t kHalf = 4;
  static constexpr std::size_t kAll = kHalf + kPairs.size();
  std::array<std::int64_t, kAll + 1> tokens{};
  std::array<std::vector<double>, kAll + 1> sums;

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
    for (std::size_t pair = 0; pair < kPairs.size(); ++pair) {
      join(kPairs[pair][0], kPairs[pair][1], kHalf + pair);
    }
    join(kHalf, kHalf + 1, kAll);
  }
  bool whole() const noexcept {  // all tokens in one part
    return std::any_of(tokens.begin(), tokens.begin() + 4, [this](auto part) { return part == tokens[kAll]; });
  }
  double entropy(std::size_t of) const { return entropy_of_sums(sums[of]); }
  /// Halves, quarters and noise from entropies of rows and pairs.
  static void fill(LabelEntropy& entry, const kernels::SplitEntropies& entropies) {
    const auto n = static_cast<double>(entry.tokens);
    std::array<double, 3> halves{};
    for (std::size_t pair = 0; pair < kPairs.size(); ++pair) {
      const std::int64_t of_pair = entry.parts[kPairs[pair][0]] + entry.parts[kPairs[pair][1]];
      halves[pair / 2] += entropies.pairs[pair] * static_cast<double>(of_pair) / n;
    }
    entry.halves = (halves[0] + halves[1] + halves[2]) / 3;
    entry.quarters = 0;
    for (std::size_t part = 0; part < entry.parts.size(); ++part) {
      entry.quarters += entropies.rows[part] * static_cast<double>(entry.parts[part]) / n;
    }
    for (const double half : halves) {
      entry.noise += (half - entry.halves) * (half - entry.halves) / 2;
    }
  }
  kernels::SplitEntropies split() const {
    kernels::SplitEntropies result{};
    for (std::size_t i = 0; i < kAll; ++i) {
      (i < kHalf ? result.rows[i] : result.pairs[i - kHalf]) = tokens[i] > 0 ? entropy(i) : 0.0;
    }
    return result;
  }

 private:
  void join(std::size_t a, std::size_t b, std::size_t into) {
    std::transform(sums[a].begin(), sums[a].end(), sums[b].begin(), sums[into].begin(), std::plus<>());
    tokens[into] = tokens[a] + tokens[b];
  }
};

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

std::vector<LabelEntropy> LabelRows::label_entropies(LabelWeights weights, InformationEstimate& into,
                                                     std::vector<double>& all) const {
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
  std::int64_t kept = 0;
  for (const LabelEntropy& label : labels) {
    kept += label.tokens;
  }
  into.tokens = kept + dropped_tokens_;
  into.labels_kept = static_cast<std::int64_t>(labels.size());
  into.labels = static_cast<std::int64_t>(std::ldexp(static_cast<double>(labels.size()), level_));
  double conditional = labels.empty() ? kUndefined : 0;
  double once = 0, few = 0, many = 0;
  for (LabelEntropy& entry : labels) {
    const double share = static_cast<double>(entry.tokens) / static_cast<double>(kept);
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
                                            std::span<const std::uint32_t> reservoir_order,
                                            const Background& all_rows) const {
  Statistics result;
  InformationEstimate& estimate = result.estimate;
  estimate.name = name_;
  std::vector<double> all(static_cast<std::size_t>(anchors_), 0.0);
  const std::vector<LabelEntropy> labels = label_entropies(weights, estimate, all);
  std::vector<std::uint32_t> rows;
  for (const std::uint32_t index : reservoir_order) {
    if (index < sampled_.size() && sampled_[index] != kNone) {
      rows.push_back(index);
    }
  }
  if (labels.empty() || rows.empty()) {
    estimate.reason = estimate.error_reason = estimate.tokens == 0 ? "no token has a label of this set"
                                              : labels.empty() ? "no label is in the sample of labels: raise max_labels"
                                                               : "no row of the sample has a label of this set";
    return result;
  }
  std::optional<Background> own;
  if (rows.size() < reservoir.size() - reservoir.size() / 10) {
    own.emplace(reservoir, rows, all, estimate.tokens);
  }
  const auto& [curve, spread] = own ? *own : all_rows;
  const Extrapolation extrapolation(labels, curve, spread.correlation);
  estimate.corrected_entropy_nats = estimate.entropy_nats + spread.entropy_bias;
  double null = -curve.bias_of_all(estimate.tokens);
  double corrected = estimate.corrected_entropy_nats - estimate.conditional_entropy_nats;
  for (const LabelEntropy& label : labels) {
    null += label.weight * curve.bias(static_cast<double>(label.tokens));
    corrected -= label.weight * extrapolation.correction(label);
    result.second_order += extrapolation.second_order(label);
  }
  // Of a ratio over labels that are in the sample with probability 2^−level each.
  const double mean = estimate.corrected_entropy_nats - corrected;
  for (const LabelEntropy& label : labels) {
    const double residual = label.weight * (label.whole + extrapolation.correction(label) - mean);
    result.of_labels += level_ > 0 ? (1 - std::ldexp(1.0, -level_)) * residual * residual : 0.0;
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
  std::vector<std::uint32_t> rows;  // with a label that is kept
  std::vector<std::uint32_t> labelled;
  into.entropy_influence.assign(reservoir.size(), 0.0);
  for (std::uint32_t index = 0; index < sampled_.size(); ++index) {
    if (sampled_[index] != kNone) {
      labelled.push_back(index);
      into.entropy_influence[index] = -share * dot(reservoir.row(index), logs);
    }
    if (sampled_[index] < kDropped) {
      rows.push_back(index);
    }
  }
  subtract_mean(into.entropy_influence, labelled);
  if (std::isnan(into.estimate.corrected_nats)) {
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
  into.information_influence.assign(reservoir.size(), 0.0);
  Label sums(anchors_);
  std::array<std::vector<double>, Label::kAll + 1> label_logs;
  label_logs.fill(std::vector<double>(m));
  std::array<bool, Label::kAll + 1> ready{};
  const auto surprise_of = [&](const float* p, std::size_t group) {
    if (!ready[group]) {
      kernels::logarithms(sums.sums[group].data(), anchors_, 1 / static_cast<double>(sums.tokens[group]),
                          label_logs[group].data());
      ready[group] = true;
    }
    return -dot(p, label_logs[group]);
  };
  std::uint32_t current = kNone;
  std::array<double, 2> gain{};
  for (const std::uint32_t index : rows) {
    const std::uint32_t slot = slot_of[sampled_[index]];
    const LabelEntropy& label = *label_of[slot];
    if (slot != current) {
      current = slot;
      sums.load(*this, slot);
      gain = sums.whole() ? std::array<double, 2>{} : extrapolation.gain(label.tokens);
      ready.fill(false);
    }
    const float* const p = reservoir.row(index);
    double surprise = surprise_of(p, Label::kAll);
    if (gain != std::array<double, 2>{}) {
      const auto part = static_cast<std::size_t>(std::find(parts_[slot].begin(), parts_[slot].end(), sampled_[index]) -
                                                 parts_[slot].begin());
      double half = 0;
      for (std::size_t pair = 0; pair < kPairs.size(); ++pair) {
        if (kPairs[pair][0] == part || kPairs[pair][1] == part) {
          half += surprise_of(p, Label::kHalf + pair) / 3;
        }
      }
      const double quarter = surprise_of(p, part);
      surprise += gain[0] * (surprise - half) + gain[1] * (half - quarter);
    }
    if (weights == LabelWeights::kUniform) {
      surprise -= label.whole + gain[0] * (label.whole - label.halves) + gain[1] * (label.halves - label.quarters);
    }
    into.information_influence[index] -= label.weight / static_cast<double>(label.tokens) * surprise;
  }
  subtract_mean(into.information_influence, rows);
  std::transform(into.information_influence.begin(), into.information_influence.end(), into.entropy_influence.begin(),
                 into.information_influence.begin(), std::plus<>());
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
