#include "estimator/statistics/label_set_estimator.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <infoplane/core/error.hpp>
#include <iterator>

#include "estimator/statistics/entropy.hpp"
#include "estimator/statistics/label_statistics.hpp"

namespace infoplane::estimator {
namespace {

constexpr double kFewestShare = 0.1;  // of the tokens, with labels that can be extrapolated from

}  // namespace

LabelSetEstimator::LabelSetEstimator(const LabelSet& set, LabelWeights weights, const Reservoir& reservoir,
                                     std::span<const std::uint32_t> order, const Background& all_rows,
                                     std::span<const double> row_entropies)
    : set_(set), weights_(weights), reservoir_(reservoir), all_rows_(all_rows), row_entropies_(row_entropies) {
  std::copy_if(order.begin(), order.end(), std::back_inserter(rows_),
               [&set](std::uint32_t index) { return set.has_label(index); });
  for (std::uint32_t index = 0; index < set.sampled().size(); ++index) {
    if (set.sampled()[index] < kDropped) {
      kept_rows_.push_back(index);
    }
  }
}

void LabelSetEstimator::stage(int number, Reduction& reduction) {
  constexpr std::array kAll = {&LabelSetEstimator::count, &LabelSetEstimator::measure, &LabelSetEstimator::solve,
                               &LabelSetEstimator::centre, &LabelSetEstimator::finish};
  static_assert(kAll.size() == kStages);
  if (!done_) {
    (this->*kAll[static_cast<std::size_t>(number)])(reduction);
  }
}

bool LabelSetEstimator::has_own() const noexcept {
  return !rows_.empty() && rows_.size() < reservoir_.size() - reservoir_.size() / 10;
}

void LabelSetEstimator::count(Reduction& reduction) {
  result_.estimate.name = set_.name();
  reduction.put(static_cast<double>(set_.tokens()));
  LabelPairs pairs;
  pairs.add(reservoir_, rows_, rows_by_label(), [this](std::uint32_t index) { return entropy_of_row(index); });
  reduction.put(pairs.sums);
  if (has_own()) {
    reduction.put(sum_of_all(set_));
  }
}

void LabelSetEstimator::measure(Reduction& reduction) {
  result_.estimate.tokens = static_cast<std::int64_t>(reduction.take());
  LabelPairs pairs;
  reduction.take(pairs.sums);
  if (has_own()) {
    all_.resize(static_cast<std::size_t>(set_.anchors()));
    reduction.take(all_);
    own_.emplace(reservoir_, rows_, all_, result_.estimate.tokens);
  }
  const auto& [curve, spread] = background();
  correlation_ = pairs.correlation(curve, spread.correlation);
  sums_ = totals_of(set_, weights_, TokenBias(curve, correlation_), all_);
  reduction.put(all_);
  reduction.put(sums_.values());
}

void LabelSetEstimator::add_plugin(const LabelTotals& sums) {
  InformationEstimate& into = result_.estimate;
  const double labels = sums.sum(LabelTotals::kLabels), tokens = sums.sum(LabelTotals::kTokens);
  into.labels_kept = static_cast<std::int64_t>(labels);
  into.labels = static_cast<std::int64_t>(std::ldexp(labels, set_.slots().level()));
  into.entropy_nats = entropy_of_sums(all_);
  into.conditional_entropy_nats =
      labels > 0 ? sums.sum(LabelTotals::kEntropy) / sums.sum(LabelTotals::kWeight) : kUndefined;
  into.information_nats = into.entropy_nats - into.conditional_entropy_nats;
  // Concave as H is, no mean over rows exceeds H of their mean; where each label was seen once, rounding can.
  const double row_entropy = sums.sum(LabelTotals::kRowEntropy) / sums.sum(LabelTotals::kWeight);
  into.context_nats =
      into.entropy_nats - (row_entropy > into.conditional_entropy_nats ? into.conditional_entropy_nats : row_entropy);
  if (labels > 0) {
    if (set_.slots().level() == 0) {
      into.label_entropy_nats = std::log(tokens) - sums.sum(LabelTotals::kTokensLog) / tokens;
      into.corrected_label_entropy_nats = into.label_entropy_nats + (labels - 1) / (2 * tokens);
    }
    into.share_1 = sums.bucket(0)[LabelTotals::kTokens] / tokens;
    into.share_4 = sums.sum(LabelTotals::kTokens, LabelTotals::bucket_of(4)) / tokens;
    into.share_32 = sums.sum(LabelTotals::kTokens, LabelTotals::bucket_of(32)) / tokens;
  }
}

void LabelSetEstimator::solve(Reduction& reduction) {
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
  estimate.corrected_context_nats = estimate.context_nats + spread.entropy_bias;
  estimate.chance_nats = sums_.sum(LabelTotals::kChance) / weight - curve.bias_of_all(estimate.tokens);
  result_.second_order = extrapolation.second_order();
  // Of a ratio over labels that are in the sample with probability 2^−level each.
  result_.of_labels =
      set_.slots().level() > 0 ? (1 - std::ldexp(1.0, -set_.slots().level())) * extrapolation.squared_residuals() : 0.0;
  if (estimate.share_4 < kFewestShare) {
    estimate.reason = detail::concat("only ", std::round(estimate.share_4 * 1000) / 10,
                                     " % of the tokens have a label that was seen at least 4 times; 10 % are needed");
  } else if (!extrapolation.solved()) {
    estimate.reason = "no label was seen in more than one sequence";
  } else {
    estimate.corrected_nats =
        estimate.corrected_entropy_nats - estimate.conditional_entropy_nats - extrapolation.correction();
    result_.of_model = extrapolation.squared_model_error();
  }
  add_entropy_influences();
  add_context_influences();
  double sum = 0;
  if (!std::isnan(estimate.corrected_nats)) {
    add_influences(extrapolation, weight);
    for (const std::uint32_t index : kept_rows_) {
      sum += result_.information_influence[index];
    }
  }
  reduction.put(std::array{sum, static_cast<double>(kept_rows_.size())});
}

void LabelSetEstimator::centre(Reduction& reduction) {
  const double sum = reduction.take(), rows = reduction.take();
  if (!result_.information_influence.empty()) {
    for (const std::uint32_t index : kept_rows_) {
      result_.information_influence[index] -= sum / rows;
    }
  }
  reduction.put(result_.information_influence);
}

void LabelSetEstimator::finish(Reduction& reduction) {
  auto& influence = result_.information_influence;
  reduction.take(influence);
  std::transform(influence.begin(), influence.end(), result_.entropy_influence.begin(), influence.begin(),
                 std::plus<>());
}

}  // namespace infoplane::estimator
