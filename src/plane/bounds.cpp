#include "plane/bounds.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <limits>
#include <vector>

namespace infoplane::plane {
namespace {

using estimator::Covariance;
using estimator::Estimate;
using estimator::InformationEstimate;
using estimator::ThroughEstimate;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kMostApart = 0.1;  // of the positions
constexpr const char* kTakeSame = "LabelOptions::same_positions(true) takes both over those";
constexpr const char* kOldState = "a saved state did not say how sharp its assignments are";

using Gradient = std::vector<std::pair<std::size_t, double>>;

/// The set of that name, or the number of sets.
std::size_t find(const Estimate& estimate, std::string_view name) {
  const auto found =
      std::find_if(estimate.sets.begin(), estimate.sets.end(), [&](const auto& set) { return set.name == name; });
  return static_cast<std::size_t>(found - estimate.sets.begin());
}

const ThroughEstimate* find_through(const Estimate& estimate, std::string_view input, std::string_view output) {
  const auto found = std::find_if(estimate.through.begin(), estimate.through.end(),
                                  [&](const auto& pair) { return pair.input == input && pair.output == output; });
  return found == estimate.through.end() ? nullptr : &*found;
}

/// Tokens of an n-gram of a set; 0 where its labels are others.
int tokens_of(std::string_view name) {
  int tokens = 0;
  for (const std::string_view order : kOrders) {
    ++tokens;
    if (name.ends_with(order) && name.substr(0, name.size() - order.size()).ends_with('_')) {
      return tokens;
    }
  }
  return 0;
}

void add_context(LayerWriter& out) {
  const Estimate& estimate = out.estimate();
  const auto key = context_key();
  const std::string none = estimate.tokens == 0 ? "no token counted" : kOldState;
  out.put(key, estimate.context_nats / out.scale(), none);
  Value value{estimate.corrected_context_nats / out.scale(), estimate.context_standard_error_nats / out.scale()};
  value.reason = std::isnan(value.value) ? none : "";
  value.error_reason = out.sequences();
  out.add(key, value);
}

/// I(s;Z) / I(context;Z) over the positions of the set.
void add_share(LayerWriter& out, std::size_t index) {
  const InformationEstimate& set = out.estimate().sets[index];
  const auto key = share_key(set.name);
  const double scale = out.scale(), context = set.context_nats;
  const bool is_there = context / scale > kInformationResolution;
  const std::string none = set.tokens == 0       ? kNoLabel
                           : std::isnan(context) ? kOldState
                                                 : "the context cannot be told from nothing";
  // Rounding can put an information of nothing below 0.
  const double share = is_there ? std::max(set.information_nats, 0.0) / context : kNaN;
  out.put(key, share, none);
  Behind ratio;
  if (is_there) {
    ratio.null = set.chance_nats / context;
  }
  Value& corrected = ratio.corrected;
  const double bound = set.corrected_context_nats, error = set.context_standard_error_nats;
  if (!set.reason.empty() || set.tokens == 0) {
    corrected.reason = set.reason.empty() ? none : set.reason;
  } else if (!(bound / scale > kInformationResolution) || bound <= kNoiseErrors * error) {
    corrected.reason = is_there ? "the context cannot be told from nothing" : none;
  } else {
    corrected.value = set.corrected_nats / bound;
    const Gradient gradient = {{Covariance::information_of(index), 1 / bound},
                               {Covariance::context_of(index), -corrected.value / bound}};
    corrected.error = out.error(gradient);
    corrected.error_reason = std::isnan(error) && set.error_reason.empty() ? "labels weigh the same" : set.error_reason;
  }
  out.add(key, ratio, 1, 0);
  if (is_named_output(set.name)) {
    const auto distance = distance_key(set.name);
    out.put(distance, 1 - share, none);
    out.add(distance, ratio, -1, 1);
  }
}

/// A difference of two values of the estimate.
struct Difference {
  double plug_in = kNaN, null = kNaN, corrected = kNaN;
  Gradient gradient;
  std::string reason = {}, error_reason = {};
};

void add(LayerWriter& out, const std::string& key, const Difference& difference) {
  const double scale = out.scale();
  out.put(key, difference.plug_in / scale, difference.reason);
  out.add_null(key, difference.null / scale, difference.reason);
  Value value{difference.corrected / scale, kNaN, difference.reason, difference.error_reason};
  if (std::isnan(value.value)) {
    value.reason = difference.reason.empty() ? difference.error_reason : difference.reason;
  } else {
    value.error = out.error(difference.gradient) / scale;
  }
  out.add(key, value);
}

/// `more` without what `less` says already.
Difference increment(const Estimate& estimate, std::size_t less, std::size_t more) {
  const InformationEstimate& a = estimate.sets[less];
  const InformationEstimate& b = estimate.sets[more];
  Difference result;
  result.reason =
      a.tokens == 0 && b.tokens == 0 ? "no token has a label of the sets" : other_positions(estimate, less, more);
  if (result.reason.empty()) {
    result.plug_in = b.information_nats - a.information_nats;
    result.null = b.chance_nats - a.chance_nats;
    result.corrected = b.corrected_nats - a.corrected_nats;
    result.gradient = {{Covariance::information_of(more), 1.0}, {Covariance::information_of(less), -1.0}};
    result.error_reason = b.error_reason.empty() ? a.error_reason : b.error_reason;
  }
  return result;
}

/// Orders of which a side has a set, the lowest first, by number of the set.
std::vector<std::pair<std::string, std::size_t>> orders(const Estimate& estimate, const std::string& side) {
  std::vector<std::pair<std::string, std::size_t>> result;
  for (const auto order : kOrders) {
    if (const std::size_t set = find(estimate, side + std::string(order)); set < estimate.sets.size()) {
      result.emplace_back(order, set);
    }
  }
  return result;
}

void add_increments(LayerPoint& point, LayerWriter& out, const std::string& side) {
  const Estimate& estimate = out.estimate();
  const auto of_side = orders(estimate, side);
  const auto reason_of = [&](const std::string& key, std::size_t set) {
    const std::string& reason = estimate.sets[set].reason;
    if (std::isnan(value_at(point.metrics, corrected_key(key))) && !reason.empty()) {
      point.reasons.emplace(corrected_key(key), reason);
      point.reasons.emplace(standard_error_key(key), reason);
    }
  };
  for (std::size_t i = 1; i < of_side.size(); ++i) {
    const auto& [lower, less] = of_side[i - 1];
    const auto key = information_key(side + of_side[i].first).append("|").append(lower);
    add(out, key, increment(estimate, less, of_side[i].second));
    reason_of(key, of_side[i].second);
    reason_of(key, less);
  }
  if (side == "input_" && !of_side.empty()) {  // over the positions of that set
    const auto& [highest, index] = of_side.back();
    const InformationEstimate& set = estimate.sets[index];
    const auto key = context_key() + "|" + highest;
    Difference rest;
    rest.reason = set.tokens == 0 ? kNoLabel : std::isnan(set.context_nats) ? kOldState : "";
    if (rest.reason.empty()) {
      rest.plug_in = set.context_nats - set.information_nats;
      rest.null = 0 - set.chance_nats;
      rest.corrected = set.corrected_context_nats - set.corrected_nats;
      rest.gradient = {{Covariance::context_of(index), 1.0}, {Covariance::information_of(index), -1.0}};
      rest.error_reason = set.error_reason;
    }
    add(out, key, rest);
    reason_of(key, index);
  }
}

/// I(Y;B̄) / I(X;B̄), which no ratio of what passes through X exceeds.
void add_optimality_through(LayerWriter& out, std::size_t pair, const std::string& order, const InformationEstimate& x,
                            std::size_t input, const std::string& apart) {
  const ThroughEstimate& through = out.estimate().through[pair];
  const auto key = optimality_through_key(order);
  const double scale = out.scale();
  const bool is_there = through.complexity_nats / scale > kInformationResolution;
  const std::string none = "complexity cannot be told from nothing";
  out.put(key, is_there ? std::max(through.information_nats, 0.0) / through.complexity_nats : kNaN,
          through.reason.empty() ? none : through.reason);
  Behind ratio;
  if (x.chance_nats / scale > kInformationResolution) {
    ratio.null = through.chance_nats / x.chance_nats;
  }
  Value& corrected = ratio.corrected;
  if (!apart.empty()) {  // its complexity is of other positions
    ratio.null = kNaN;
    corrected.reason = apart;
  } else if (!through.reason.empty()) {
    corrected.reason = through.reason;
  } else if (!(x.corrected_nats / scale > kInformationResolution) ||
             x.corrected_nats <= kNoiseErrors * x.standard_error_nats) {
    corrected.reason = none;
  } else {
    corrected.value = through.corrected_nats / x.corrected_nats;
    const Gradient gradient = {{Covariance::through_of(pair, out.estimate().sets.size()), 1 / x.corrected_nats},
                               {Covariance::information_of(input), -corrected.value / x.corrected_nats}};
    corrected.error = out.error(gradient);
    corrected.error_reason = through.error_reason;
  }
  out.add(key, ratio, 1, 0);
}

void add_through(LayerWriter& out, std::size_t pair) {
  const Estimate& estimate = out.estimate();
  const ThroughEstimate& through = estimate.through[pair];
  constexpr std::string_view kInput = "input_";
  if (!through.input.starts_with(kInput)) {
    return;
  }
  const auto order = through.input.substr(kInput.size());
  const std::size_t output = find(estimate, through.output), input = find(estimate, through.input);
  const double scale = out.scale();
  const auto key = through_key(order);
  out.put(key, through.information_nats / scale, through.reason);
  out.add_null(key, through.chance_nats / scale, through.reason);
  out.add(key,
          {through.corrected_nats / scale, through.standard_error_nats / scale, through.reason, through.error_reason});
  out.put(paired_key(order), through.complexity_nats / scale, through.reason);
  const std::string apart = other_positions(estimate, input, output);
  add_optimality_through(out, pair, order, estimate.sets[input], input, apart);
  const InformationEstimate& y = estimate.sets[output];
  Difference added;
  added.reason = std::isnan(through.information_nats) ? through.reason : apart;
  if (added.reason.empty()) {
    added.plug_in = y.information_nats - through.information_nats;
    added.null = y.chance_nats - through.chance_nats;
    added.corrected = y.corrected_nats - through.corrected_nats;
    added.gradient = {{Covariance::information_of(output), 1.0},
                      {Covariance::through_of(pair, estimate.sets.size()), -1.0}};
    added.error_reason = y.error_reason.empty() ? through.error_reason : y.error_reason;
  }
  add(out, from_context_key(order), added);
}

}  // namespace

std::string other_positions(const estimator::Estimate& estimate, std::size_t input, std::size_t output) {
  const InformationEstimate& x = estimate.sets[input];
  const InformationEstimate& y = estimate.sets[output];
  const ThroughEstimate* const pair = find_through(estimate, x.name, y.name);
  const auto most = static_cast<double>(std::max(x.tokens, y.tokens));
  const auto common =
      static_cast<double>(pair != nullptr && pair->positions >= 0 ? pair->positions : std::min(x.tokens, y.tokens));
  // What the ends of sequences take is no other text: n-grams have no room there.
  const auto ends = static_cast<double>(estimate.sequences * std::max(0, tokens_of(x.name) + tokens_of(y.name) - 1));
  if (most == 0 || common >= std::min((1 - kMostApart) * most, most - ends)) {
    return "";
  }
  return detail::concat(x.name, " is over ", x.tokens, " positions and ", y.name, " over ", y.tokens, ", which have ",
                        static_cast<std::int64_t>(common), " in common: ", kTakeSame);
}

bool are_of_other_positions(const LayerPoint& layer, std::string_view order) {
  const auto reason = layer.reasons.find(optimality_key(order));
  return reason != layer.reasons.end() && reason->second.ends_with(kTakeSame);
}

void forget_ratios_of_other_positions(LayerPoint& point, std::string_view order, const std::string& reason) {
  if (!reason.empty()) {
    for (const auto& key : {optimality_key(order), distance_key(order)}) {
      point.metrics[key] = kNaN;
      point.reasons.insert_or_assign(key, reason);
    }
  }
}

void add_bounds(LayerPoint& point, LayerWriter& out) {
  add_context(out);
  for (std::size_t set = 0; set < out.estimate().sets.size(); ++set) {
    add_share(out, set);
  }
  for (const char* const side : {"input_", "output_"}) {
    add_increments(point, out, side);
  }
  for (std::size_t pair = 0; pair < out.estimate().through.size(); ++pair) {
    add_through(out, pair);
  }
}

}  // namespace infoplane::plane
