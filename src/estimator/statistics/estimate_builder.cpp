#include "estimator/statistics/estimate_builder.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <utility>

#include "estimator/statistics/covariance.hpp"
#include "estimator/statistics/entropy.hpp"
#include "estimator/statistics/entropy_kernels.hpp"
#include "estimator/statistics/plausible.hpp"

namespace infoplane::estimator {

EstimateBuilder::EstimateBuilder(const Summed& summed) : summed_(summed), order_(summed.reservoir.order()) {
  if (summed.tokens > 0) {
    const auto anchors = static_cast<std::int64_t>(summed.sum.size());
    for (std::uint32_t index = 0; index < summed.reservoir.size(); ++index) {
      const float* const p = summed.reservoir.row(index);
      row_entropies_.push_back(-static_cast<double>(kernels::dot_logarithms(p, {p}, anchors, 1)));
    }
    background_.emplace(summed.reservoir, order_, summed.sum, summed.tokens);
    for (const auto& set : summed.sets) {
      sets_.emplace_back(*set, summed.weights, summed.reservoir, order_, *background_, row_entropies_);
    }
  }
}

void EstimateBuilder::add_joints(std::vector<InputJoint> joints) {
  if (summed_.tokens == 0) {
    return;
  }
  const auto set_of = [this](const std::string& name) -> const LabelSet& {
    return **std::find_if(summed_.sets.begin(), summed_.sets.end(),
                          [&](const auto& set) { return set->name() == name; });
  };
  for (InputJoint& joint : joints) {
    const LabelSet& input = set_of(joint.input);
    const LabelSet& output = set_of(joint.output);
    through_.emplace_back(std::move(joint), input, output, summed_.weights, summed_.reservoir, order_);
  }
}

Estimate EstimateBuilder::finish() {
  const Reservoir& reservoir = summed_.reservoir;
  const auto anchors = static_cast<std::int64_t>(summed_.sum.size());
  Estimate result;
  result.tokens = summed_.tokens;
  result.rejected = summed_.rejected;
  result.anchors = anchors;
  result.sequences = reservoir.sequences();
  result.entropy_nats = entropy_of_sums(summed_.sum);
  result.mean_direction = summed_.rows.direction;
  result.centred = summed_.rows.centred;
  result.centre = summed_.rows.centre;
  if (summed_.tokens > 0) {
    std::vector<double> logs(summed_.sum.size());
    kernels::logarithms(summed_.sum.data(), anchors, 1 / static_cast<double>(summed_.tokens), logs.data());
    std::vector<std::vector<double>> influences(2);
    std::vector<double> second_order = {0, 0}, other = {0, 0};
    for (std::uint32_t index = 0; index < reservoir.size(); ++index) {
      const float* const p = reservoir.row(index);
      influences[0].push_back(-kernels::dot(p, logs.data(), anchors) / static_cast<double>(summed_.tokens));
      influences[1].push_back(influences[0].back() - row_entropies_[index] / static_cast<double>(summed_.tokens));
    }
    result.corrected_entropy_nats = result.entropy_nats + background_->spread.entropy_bias;
    add_context(result);
    for (LabelSetEstimator& set : sets_) {
      LabelSetEstimator::Result& of_set = set.result();
      of_set.entropy_influence.resize(order_.size(), kUndefined);
      of_set.information_influence.resize(order_.size(), kUndefined);
      influences.push_back(std::move(of_set.entropy_influence));
      influences.push_back(std::move(of_set.information_influence));
      of_set.context_influence.resize(order_.size(), kUndefined);
      influences.push_back(std::move(of_set.context_influence));
      second_order.insert(second_order.end(), {0, of_set.second_order, 0});
      other.insert(other.end(), {0, of_set.of_labels + of_set.of_model, 0});
      result.sets.push_back(std::move(of_set.estimate));
    }
    for (ThroughEstimator& pair : through_) {
      const auto of = [&result](const std::string& name) -> const InformationEstimate& {
        return *std::find_if(result.sets.begin(), result.sets.end(), [&](const auto& set) { return set.name == name; });
      };
      pair.finish(of(pair.joint().input), of(pair.joint().output));
      auto& [estimate, influence, more, others] = pair.result();
      influence.resize(order_.size(), kUndefined);
      influences.push_back(std::move(influence));
      second_order.push_back(more);
      other.push_back(others);
      result.through.push_back(std::move(estimate));
    }
    result.covariance = covariance(reservoir, summed_.tokens, std::move(influences), second_order, other);
  } else {
    for (const auto& set : summed_.sets) {
      InformationEstimate& none = result.sets.emplace_back();
      none.name = set->name();
      none.entropy_nats = none.conditional_entropy_nats = none.information_nats = kUndefined;
      none.reason = "no token has a label of this set";
    }
  }
  add_errors(result);
  reject_implausible(result);
  return result;
}

void EstimateBuilder::add_context(Estimate& result) const {
  const double row_entropy = summed_.row_entropies / static_cast<double>(summed_.tokens);
  result.context_nats = result.entropy_nats - row_entropy;
  result.corrected_context_nats = result.corrected_entropy_nats - row_entropy;
}

void EstimateBuilder::add_errors(Estimate& result) const {
  const auto error = [&result](std::size_t value) {
    const std::pair<std::size_t, double> alone(value, 1.0);
    return std::sqrt(result.covariance.variance(std::span(&alone, 1)));
  };
  result.entropy_standard_error_nats = error(Covariance::kEntropy);
  result.context_standard_error_nats = std::isnan(result.context_nats) ? kUndefined : error(Covariance::kContext);
  for (std::size_t s = 0; s < result.sets.size(); ++s) {
    InformationEstimate& set = result.sets[s];
    set.standard_error_nats = error(Covariance::information_of(s));
    set.context_standard_error_nats = error(Covariance::context_of(s));
    if (!set.reason.empty()) {
      set.error_reason = set.reason;
    } else if (std::isnan(set.standard_error_nats)) {
      set.error_reason = detail::concat("it needs at least 2 sequences, got ", result.sequences);
    }
  }
  for (std::size_t pair = 0; pair < result.through.size(); ++pair) {
    ThroughEstimate& through = result.through[pair];
    through.standard_error_nats = error(Covariance::through_of(pair, result.sets.size()));
    if (!through.reason.empty()) {
      through.error_reason = through.reason;
    } else if (std::isnan(through.standard_error_nats)) {
      through.error_reason = detail::concat("it needs at least 2 sequences, got ", result.sequences);
    }
  }
}

}  // namespace infoplane::estimator
