#include "estimator/label_estimation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <infoplane/core/error.hpp>

#include "estimator/entropy.hpp"
#include "estimator/kernels/entropy.hpp"
#include "estimator/label_sums.hpp"

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

void LabelEstimation::stage(int number, Totals& totals) {
  constexpr std::array kAll = {&LabelEstimation::count,   &LabelEstimation::weigh,     &LabelEstimation::fit,
                               &LabelEstimation::correct, &LabelEstimation::influence, &LabelEstimation::centre,
                               &LabelEstimation::finish};
  static_assert(kAll.size() == kStages);
  if (!done_) {
    (this->*kAll[static_cast<std::size_t>(number)])(totals);
  }
}

void LabelEstimation::count(Totals& totals) {
  result_.estimate.name = set_.name_;
  labels_ = set_.label_entropies(all_);
  for (const LabelEntropy& label : labels_) {
    kept_tokens_ += label.tokens;
  }
  totals.put(all_);
  totals.put(static_cast<double>(kept_tokens_));
  totals.put(static_cast<double>(set_.dropped_tokens_));
  totals.put(static_cast<double>(labels_.size()));
}

void LabelEstimation::weigh(Totals& totals) {
  InformationEstimate& into = result_.estimate;
  totals.take(all_);
  const double kept = totals.take();
  into.tokens = static_cast<std::int64_t>(kept + totals.take());
  const double labels = totals.take();
  into.labels_kept = static_cast<std::int64_t>(labels);
  into.labels = static_cast<std::int64_t>(std::ldexp(labels, set_.level_));
  double conditional = 0, once = 0, few = 0, many = 0;
  for (LabelEntropy& entry : labels_) {
    const double share = static_cast<double>(entry.tokens) / kept;
    entry.weight = weights_ == LabelWeights::kUniform ? 1 / labels : share;
    conditional += entry.weight * entry.whole;
    once += entry.tokens == 1 ? share : 0;
    few += entry.tokens >= 4 ? share : 0;
    many += entry.tokens >= 32 ? share : 0;
  }
  totals.put(std::array{conditional, once, few, many});
}

void LabelEstimation::fit(Totals& totals) {
  InformationEstimate& estimate = result_.estimate;
  std::array<double, 4> shares{};
  totals.take(shares);
  const bool any = estimate.labels_kept > 0;
  estimate.entropy_nats = entropy_of_sums(all_);
  estimate.conditional_entropy_nats = any ? shares[0] : kUndefined;
  estimate.information_nats = estimate.entropy_nats - estimate.conditional_entropy_nats;
  if (any) {
    estimate.share_1 = shares[1];
    estimate.share_4 = shares[2];
    estimate.share_32 = shares[3];
  }
  std::vector<std::uint32_t> rows;
  for (const std::uint32_t index : order_) {
    if (index < set_.sampled_.size() && set_.sampled_[index] != LabelRows::kNone) {
      rows.push_back(index);
    }
  }
  if (!any || rows.empty()) {
    estimate.reason = estimate.error_reason = estimate.tokens == 0 ? "no token has a label of this set"
                                              : !any ? "no label is in the sample of labels: raise max_labels"
                                                     : "no row of the sample has a label of this set";
    done_ = true;
    return;
  }
  if (rows.size() < reservoir_.size() - reservoir_.size() / 10) {
    own_.emplace(reservoir_, rows, all_, estimate.tokens);
  }
  const auto& [curve, spread] = own_ ? *own_ : all_rows_;
  extrapolation_.emplace(labels_, curve, spread.correlation, totals);
}

void LabelEstimation::correct(Totals& totals) {
  InformationEstimate& estimate = result_.estimate;
  extrapolation_->solve(totals);
  const auto& [curve, spread] = own_ ? *own_ : all_rows_;
  estimate.corrected_entropy_nats = estimate.entropy_nats + spread.entropy_bias;
  double null = totals.first() ? -curve.bias_of_all(estimate.tokens) : 0;
  double corrected = totals.first() ? estimate.corrected_entropy_nats - estimate.conditional_entropy_nats : 0;
  double second_order = 0;
  for (const LabelEntropy& label : labels_) {
    null += label.weight * curve.bias(static_cast<double>(label.tokens));
    corrected -= label.weight * extrapolation_->correction(label);
    second_order += extrapolation_->second_order(label);
  }
  for (std::uint32_t index = 0; index < set_.sampled_.size(); ++index) {
    if (set_.sampled_[index] < LabelRows::kDropped) {
      kept_rows_.push_back(index);
    }
  }
  totals.put(std::array{null, corrected, second_order, static_cast<double>(kept_rows_.size())});
}

void LabelEstimation::influence(Totals& totals) {
  InformationEstimate& estimate = result_.estimate;
  estimate.null_nats = totals.take();
  const double corrected = totals.take();
  result_.second_order = totals.take();
  const double kept_rows = totals.take();
  // Of a ratio over labels that are in the sample with probability 2^−level each.
  const double mean = estimate.corrected_entropy_nats - corrected;
  double of_labels = 0;
  for (const LabelEntropy& label : labels_) {
    const double residual = label.weight * (label.whole + extrapolation_->correction(label) - mean);
    of_labels += set_.level_ > 0 ? (1 - std::ldexp(1.0, -set_.level_)) * residual * residual : 0.0;
  }
  if (estimate.share_4 < kFewestShare) {
    estimate.reason = detail::concat("only ", std::round(estimate.share_4 * 1000) / 10,
                                     " % of the tokens have a label that was seen at least 4 times; 10 % are needed");
  } else if (!extrapolation_->solved()) {
    estimate.reason = "no label was seen in more than one sequence";
  } else {
    estimate.corrected_nats = corrected;
  }
  add_influences(kept_rows);
  totals.put(std::array{of_labels, mean_influence_});
}

void LabelEstimation::add_influences(double kept_rows) {
  const auto m = static_cast<std::size_t>(set_.anchors_);
  const double share = 1 / static_cast<double>(result_.estimate.tokens);
  std::vector<double> logs(m);
  kernels::logarithms(all_.data(), set_.anchors_, share, logs.data());
  std::vector<std::uint32_t> labelled;
  result_.entropy_influence.assign(reservoir_.size(), 0.0);
  for (std::uint32_t index = 0; index < set_.sampled_.size(); ++index) {
    if (set_.sampled_[index] != LabelRows::kNone) {
      labelled.push_back(index);
      result_.entropy_influence[index] = -share * dot(reservoir_.row(index), logs);
    }
  }
  subtract_mean(result_.entropy_influence, labelled);
  if (std::isnan(result_.estimate.corrected_nats)) {
    return;
  }
  using Label = LabelRows::Label;
  const std::vector<std::uint32_t> slot_of = set_.slot_of_row();
  std::vector<const LabelEntropy*> label_of(set_.slots(), nullptr);
  for (const LabelEntropy& label : labels_) {
    label_of[label.slot] = &label;
  }
  const auto& sampled = set_.sampled_;
  std::sort(kept_rows_.begin(), kept_rows_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const std::uint32_t first = slot_of[sampled[a]], second = slot_of[sampled[b]];
    return first != second ? first < second : a < b;
  });
  auto& influence = result_.information_influence;
  influence.assign(reservoir_.size(), 0.0);
  Label sums(set_.anchors_);
  std::array<std::vector<double>, Label::kAll + 1> label_logs;
  label_logs.fill(std::vector<double>(m));
  std::array<bool, Label::kAll + 1> ready{};
  const auto surprise_of = [&](const float* p, std::size_t group) {
    if (!ready[group]) {
      kernels::logarithms(sums.sums[group].data(), set_.anchors_, 1 / static_cast<double>(sums.tokens[group]),
                          label_logs[group].data());
      ready[group] = true;
    }
    return -dot(p, label_logs[group]);
  };
  std::uint32_t current = LabelRows::kNone;
  std::array<double, 2> gain{};
  for (const std::uint32_t index : kept_rows_) {
    const std::uint32_t slot = slot_of[sampled[index]];
    const LabelEntropy& label = *label_of[slot];
    if (slot != current) {
      current = slot;
      sums.load(set_, slot);
      gain = sums.whole() ? std::array<double, 2>{} : extrapolation_->gain(label.tokens);
      ready.fill(false);
    }
    const float* const p = reservoir_.row(index);
    double surprise = surprise_of(p, Label::kAll);
    if (gain != std::array<double, 2>{}) {
      const auto& parts = set_.parts_[slot];
      const auto part = static_cast<std::size_t>(std::find(parts.begin(), parts.end(), sampled[index]) - parts.begin());
      double half = 0;
      for (std::size_t pair = 0; pair < kPairs.size(); ++pair) {
        if (kPairs[pair][0] == part || kPairs[pair][1] == part) {
          half += surprise_of(p, Label::kHalf + pair) / 3;
        }
      }
      const double quarter = surprise_of(p, part);
      surprise += gain[0] * (surprise - half) + gain[1] * (half - quarter);
    }
    if (weights_ == LabelWeights::kUniform) {
      surprise -= label.whole + gain[0] * (label.whole - label.halves) + gain[1] * (label.halves - label.quarters);
    }
    influence[index] -= label.weight / static_cast<double>(label.tokens) * surprise;
  }
  for (const std::uint32_t index : kept_rows_) {
    mean_influence_ += influence[index] / kept_rows;
  }
}

void LabelEstimation::centre(Totals& totals) {
  result_.of_labels = totals.take();
  const double mean = totals.take();
  for (const std::uint32_t index : kept_rows_) {
    if (!result_.information_influence.empty()) {
      result_.information_influence[index] -= mean;
    }
  }
  totals.put(result_.information_influence);
}

void LabelEstimation::finish(Totals& totals) {
  auto& influence = result_.information_influence;
  totals.take(influence);
  std::transform(influence.begin(), influence.end(), result_.entropy_influence.begin(), influence.begin(),
                 std::plus<>());
  std::vector<LabelEntropy>().swap(labels_);
}

}  // namespace infoplane::estimator
