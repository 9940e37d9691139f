#include "estimator/statistics/label_estimation.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <infoplane/core/error.hpp>

#include "estimator/statistics/entropy.hpp"

namespace infoplane::estimator {
namespace {

constexpr double kFewestShare = 0.1;  // of the tokens, with labels that can be extrapolated from

// What the extrapolation is wrong by, as a part of how far what it removes is from the null, which is exact where
// labels say nothing: chosen on the simulation study (docs/estimator.md).
constexpr double kModelError = 0.07;

}  // namespace

LabelEstimation::LabelEstimation(const LabelRows& set, LabelWeights weights, const Reservoir& reservoir,
                                 std::span<const std::uint32_t> order, const Background& all_rows)
    : set_(set), weights_(weights), reservoir_(reservoir), all_rows_(all_rows) {
  for (const std::uint32_t index : order) {
    if (index < set.sampled_.size() && set.sampled_[index] != LabelRows::kNone) {
      rows_.push_back(index);
    }
  }
  for (std::uint32_t index = 0; index < set.sampled_.size(); ++index) {
    if (set.sampled_[index] < LabelRows::kDropped) {
      kept_rows_.push_back(index);
    }
  }
}

void LabelEstimation::stage(int number, Reduction& reduction) {
  constexpr std::array kAll = {&LabelEstimation::count, &LabelEstimation::measure, &LabelEstimation::solve,
                               &LabelEstimation::centre, &LabelEstimation::finish};
  static_assert(kAll.size() == kStages);
  if (!done_) {
    (this->*kAll[static_cast<std::size_t>(number)])(reduction);
  }
}

bool LabelEstimation::has_own() const noexcept {
  return !rows_.empty() && rows_.size() < reservoir_.size() - reservoir_.size() / 10;
}

void LabelEstimation::count(Reduction& reduction) {
  result_.estimate.name = set_.name_;
  reduction.put(static_cast<double>(set_.tokens()));
  if (has_own()) {
    reduction.put(set_.sum_of_all());
  }
}

void LabelEstimation::measure(Reduction& reduction) {
  result_.estimate.tokens = static_cast<std::int64_t>(reduction.take());
  if (has_own()) {
    all_.resize(static_cast<std::size_t>(set_.anchors_));
    reduction.take(all_);
    own_.emplace(reservoir_, rows_, all_, result_.estimate.tokens);
  }
  const auto& [curve, spread] = background();
  sums_ = set_.totals(weights_, TokenBias(curve, spread.correlation), all_);
  reduction.put(all_);
  reduction.put(sums_.values());
}

void LabelEstimation::add_plugin(const LabelTotals& sums) {
  InformationEstimate& into = result_.estimate;
  const double labels = sums.sum(LabelTotals::kLabels), tokens = sums.sum(LabelTotals::kTokens);
  into.labels_kept = static_cast<std::int64_t>(labels);
  into.labels = static_cast<std::int64_t>(std::ldexp(labels, set_.level_));
  into.entropy_nats = entropy_of_sums(all_);
  into.conditional_entropy_nats =
      labels > 0 ? sums.sum(LabelTotals::kEntropy) / sums.sum(LabelTotals::kWeight) : kUndefined;
  into.information_nats = into.entropy_nats - into.conditional_entropy_nats;
  if (labels > 0) {
    into.share_1 = sums.bucket(0)[LabelTotals::kTokens] / tokens;
    into.share_4 = sums.sum(LabelTotals::kTokens, LabelTotals::bucket_of(4)) / tokens;
    into.share_32 = sums.sum(LabelTotals::kTokens, LabelTotals::bucket_of(32)) / tokens;
  }
}

void LabelEstimation::solve(Reduction& reduction) {
  reduction.take(all_);
  reduction.take(sums_.values());
  add_plugin(sums_);
  InformationEstimate& estimate = result_.estimate;
  const bool any = estimate.labels_kept > 0;
  if (!any || rows_.empty()) {
    estimate.reason = estimate.error_reason = estimate.tokens == 0 ? "no token has a label of this set"
                                              : !any ? "no label is in the sample of labels: raise max_labels"
                                                     : "no row of the sample has a label of this set";
    done_ = true;
    return;
  }
  const auto& [curve, spread] = background();
  const double weight = sums_.sum(LabelTotals::kWeight);
  const Extrapolation extrapolation(sums_, curve);
  estimate.corrected_entropy_nats = estimate.entropy_nats + spread.entropy_bias;
  estimate.null_nats = sums_.sum(LabelTotals::kNull) / weight - curve.bias_of_all(estimate.tokens);
  result_.second_order = extrapolation.second_order();
  // Of a ratio over labels that are in the sample with probability 2^−level each.
  result_.of_labels = set_.level_ > 0 ? (1 - std::ldexp(1.0, -set_.level_)) * extrapolation.squared_residuals() : 0.0;
  if (estimate.share_4 < kFewestShare) {
    estimate.reason = detail::concat("only ", std::round(estimate.share_4 * 1000) / 10,
                                     " % of the tokens have a label that was seen at least 4 times; 10 % are needed");
  } else if (!extrapolation.solved()) {
    estimate.reason = "no label was seen in more than one sequence";
  } else {
    estimate.corrected_nats =
        estimate.corrected_entropy_nats - estimate.conditional_entropy_nats - extrapolation.correction();
    result_.of_model = kModelError * kModelError * extrapolation.squared_distance_from_null();
  }
  add_entropy_influences();
  double sum = 0;
  if (!std::isnan(estimate.corrected_nats)) {
    add_influences(extrapolation, weight);
    for (const std::uint32_t index : kept_rows_) {
      sum += result_.information_influence[index];
    }
  }
  reduction.put(std::array{sum, static_cast<double>(kept_rows_.size())});
}

void LabelEstimation::centre(Reduction& reduction) {
  const double sum = reduction.take(), rows = reduction.take();
  if (!result_.information_influence.empty()) {
    for (const std::uint32_t index : kept_rows_) {
      result_.information_influence[index] -= sum / rows;
    }
  }
  reduction.put(result_.information_influence);
}

void LabelEstimation::finish(Reduction& reduction) {
  auto& influence = result_.information_influence;
  reduction.take(influence);
  std::transform(influence.begin(), influence.end(), result_.entropy_influence.begin(), influence.begin(),
                 std::plus<>());
}

}  // namespace infoplane::estimator
