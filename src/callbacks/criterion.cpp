#include "callbacks/criterion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/series.hpp>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

namespace infoplane::callbacks {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kLoss = "loss";

std::string keys_of(const plane::Metrics& metrics) {
  std::vector<std::string> keys;
  keys.reserve(metrics.size());
  for (const auto& [key, value] : metrics) {
    keys.push_back(key);
  }
  return detail::join(keys);
}

/// Metrics of the criterion's layer; null where the point has no such layer.
const plane::Metrics* metrics_of(const Criterion& criterion, const plane::Point* point) {
  if (point == nullptr || criterion.layer().empty()) {
    return point == nullptr ? nullptr : &point->mean;
  }
  const auto* layer = point->layer(criterion.layer());
  return layer == nullptr ? nullptr : &layer->metrics;
}

/// What there is, for a message.
std::string available(const Criterion& criterion, const plane::Point* point, const plane::Metrics& fed) {
  const auto* metrics = metrics_of(criterion, point);
  auto keys = keys_of(fed);
  if (metrics != nullptr && !metrics->empty()) {
    keys += (keys.empty() ? "" : ", ") + keys_of(*metrics);
  }
  if (!keys.empty()) {
    return keys;
  }
  if (point != nullptr && !criterion.layer().empty()) {
    return "none, because the point has no such layer";
  }
  return point == nullptr ? "none, because nothing was fed" : "none, because the point has no layer but the embedding";
}

const double* find(const std::string& key, const Criterion& criterion, const plane::Point* point,
                   const plane::Metrics& fed) {
  if (const auto found = fed.find(key); found != fed.end()) {
    return &found->second;
  }
  if (point != nullptr && key == kLoss) {
    return &point->loss;
  }
  const auto* metrics = metrics_of(criterion, point);
  if (metrics == nullptr) {
    return nullptr;
  }
  const auto found = metrics->find(key);
  return found == metrics->end() ? nullptr : &found->second;
}

/// How much better `value` is than the best so far.
double gain(const CriterionState& state, const Criterion& criterion, double value) {
  return criterion.mode() == Mode::kMin ? state.best_value - value : value - state.best_value;
}

/// `amount` in the metric's own unit.
double in_unit(const CriterionState& state, const Criterion& criterion, double amount, double error) {
  switch (criterion.min_delta_mode()) {
    case DeltaMode::kRelative:
      return amount * std::abs(state.best_value);
    case DeltaMode::kStandardErrors:
      return amount * std::hypot(error, state.best_error);
    case DeltaMode::kAbsolute:
      break;
  }
  return amount;
}

/// Slope a check of the last values, positive for the better.
plane::Change trend_of(const CriterionState& state, const Criterion& criterion) {
  plane::Series series;
  for (auto value = state.values.end() - static_cast<std::ptrdiff_t>(criterion.trend()); value != state.values.end();
       ++value) {
    series.push_back({static_cast<std::int64_t>(series.size()), *value, kNaN});
  }
  auto slope = plane::trend(series);
  slope.value = criterion.mode() == Mode::kMin ? 0 - slope.value : slope.value;
  return slope;
}

/// Whether lack of improvement asks for the end.
StopReason at_rest(const CriterionState& state, const Criterion& criterion) {
  if (state.waited >= criterion.patience()) {
    return StopReason::kPatience;
  }
  if (criterion.trend() > 0 && state.values.size() >= static_cast<std::size_t>(criterion.trend())) {
    const auto slope = trend_of(state, criterion);
    return slope.value <= criterion.trend_errors() * slope.noise ? StopReason::kTrend : StopReason::kNone;
  }
  return StopReason::kNone;
}

/// 0.8 − 0.7 is above 0.1 in binary; a change of exactly min_delta must not count because of its last bit.
double rounding(double one, double other) {
  return 4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(one), std::abs(other));
}

std::string checks(std::int64_t count) { return fmt::format("{} check{}", count, count == 1 ? "" : "s"); }

std::string amount(const Criterion& criterion, double value) {
  switch (criterion.min_delta_mode()) {
    case DeltaMode::kRelative:
      return fmt::format("{:g} %", 100 * value);
    case DeltaMode::kStandardErrors:
      return fmt::format("{:g} standard errors", value);
    case DeltaMode::kAbsolute:
      break;
  }
  return fmt::format("{:g}", value);
}

}  // namespace

void validate(const Criterion& criterion) {
  INFOPLANE_CHECK(!criterion.monitor().empty(), ArgumentError,
                  "EarlyStopping needs the key of a metric, such as monitor(\"distance/unigram\")");
  INFOPLANE_CHECK(criterion.patience() >= 1, ArgumentError, "EarlyStopping needs a patience of at least 1 check, got ",
                  criterion.patience());
  INFOPLANE_CHECK(std::isfinite(criterion.min_delta()) && criterion.min_delta() >= 0, ArgumentError,
                  "EarlyStopping needs a finite min_delta of at least 0, got ", criterion.min_delta(),
                  ": it is a distance, whatever the mode");
  const double worsening = criterion.worsening().value_or(0);
  INFOPLANE_CHECK(std::isfinite(worsening) && worsening >= 0, ArgumentError,
                  "EarlyStopping needs a finite worsening of at least 0, got ", worsening,
                  ": it is a distance, whatever the mode");
  INFOPLANE_CHECK(criterion.smoothing() >= 1, ArgumentError,
                  "EarlyStopping needs a smoothing of at least 1 check, got ", criterion.smoothing());
  INFOPLANE_CHECK(criterion.trend() == 0 || criterion.trend() >= 3, ArgumentError,
                  "EarlyStopping needs at least 3 checks for a trend (or 0 for none), got ", criterion.trend());
  INFOPLANE_CHECK(std::isfinite(criterion.trend_errors()), ArgumentError,
                  "EarlyStopping needs finite trend_errors, got ", criterion.trend_errors());
  for (const auto& [name, value] : {std::pair("stopping_threshold", criterion.stopping_threshold()),
                                    std::pair("divergence_threshold", criterion.divergence_threshold()),
                                    std::pair("baseline", criterion.baseline())}) {
    INFOPLANE_CHECK(!value || !std::isnan(*value), ArgumentError, "EarlyStopping got NaN as ", name, " of ",
                    name_of(criterion), ": leave it out instead");
  }
}

std::string name_of(const Criterion& criterion) {
  return criterion.layer().empty() ? criterion.monitor() : criterion.layer() + " " + criterion.monitor();
}

Measured measure(const Criterion& criterion, const plane::Point* point, const plane::Metrics& fed, std::int64_t step,
                 bool strict) {
  const auto looked_up = [&](const std::string& key) {
    const auto* found = find(key, criterion, point, fed);
    INFOPLANE_CHECK(found != nullptr || !strict, ArgumentError, "EarlyStopping monitors \"", key, "\"",
                    criterion.layer().empty() ? "" : " of " + criterion.layer(), ", which the point of step ", step,
                    " does not have; it has: ", available(criterion, point, fed));
    return found == nullptr ? kNaN : *found;
  };
  Measured now{looked_up(criterion.monitor()), 0};
  if (criterion.min_delta_mode() == DeltaMode::kStandardErrors) {
    now.error = looked_up(plane::error_key(criterion.monitor()));
  }
  return now;
}

bool advance(CriterionState& state, const Criterion& criterion, Measured now, std::int64_t step, bool check_finite) {
  state.reason = StopReason::kNone;
  if (!std::isfinite(now.value) || !std::isfinite(now.error)) {
    ++state.undefined;
    if (check_finite && !std::isfinite(now.value)) {
      state.last_value = now.value;
      state.reason = StopReason::kNotFinite;
    } else {
      state.reason = at_rest(state, criterion);  // still: it has not improved either
    }
    return false;
  }
  const bool low = criterion.mode() == Mode::kMin;
  const auto& divergence = criterion.divergence_threshold();
  if (divergence && (low ? now.value > *divergence : now.value < *divergence)) {
    state.last_value = now.value;
    state.reason = StopReason::kDivergence;
    return false;
  }
  const auto width = static_cast<std::size_t>(criterion.smoothing());
  state.values.push_back(now.value);
  state.errors.push_back(now.error);
  if (state.values.size() > std::max(width, static_cast<std::size_t>(criterion.trend()))) {
    state.values.pop_front();
    state.errors.pop_front();
  }
  if (state.values.size() < width) {
    return false;
  }
  const auto count = static_cast<double>(width);
  const auto back = static_cast<std::ptrdiff_t>(width);
  const double value = std::accumulate(state.values.end() - back, state.values.end(), 0.0) / count;
  const auto errors = state.errors.end() - back;
  const double error = std::sqrt(std::inner_product(errors, state.errors.end(), errors, 0.0)) / count;
  state.last_value = value;
  const double slack = std::isnan(state.best_value) ? 0 : rounding(value, state.best_value);
  const bool better = std::isnan(state.best_value) ||
                      gain(state, criterion, value) > in_unit(state, criterion, criterion.min_delta(), error) + slack;
  if (better) {
    state.best_value = value;
    state.best_error = error;
    state.best_step = step;
    state.waited = 0;
  } else {
    ++state.waited;
  }
  const auto& threshold = criterion.stopping_threshold();
  if (threshold && (low ? value <= *threshold : value >= *threshold)) {
    state.reason = StopReason::kThreshold;
  } else if (criterion.worsening() && state.best_step >= 0 &&
             -gain(state, criterion, value) > in_unit(state, criterion, *criterion.worsening(), error) + slack) {
    state.reason = StopReason::kWorsening;
  } else {
    state.reason = at_rest(state, criterion);
  }
  return better;
}

std::string describe(const CriterionState& state, const Criterion& criterion, std::int64_t step) {
  const auto name = name_of(criterion);
  switch (state.reason) {
    case StopReason::kThreshold:
      return fmt::format("{} reached {:.4g} at step {}, which its stopping threshold of {:g} asks for", name,
                         state.last_value, step, *criterion.stopping_threshold());
    case StopReason::kDivergence:
      return fmt::format("{} is {:.4g} at step {}, beyond its divergence threshold of {:g}", name, state.last_value,
                         step, *criterion.divergence_threshold());
    case StopReason::kWorsening:
      return fmt::format("{} is {:.4g} at step {}, worse by more than {} than its best {:.4g} of step {}", name,
                         state.last_value, step, amount(criterion, *criterion.worsening()), state.best_value,
                         state.best_step);
    case StopReason::kNotFinite:
      return fmt::format("{} is {} at step {}", name, state.last_value, step);
    case StopReason::kTrend: {
      const auto slope = trend_of(state, criterion);
      return fmt::format("the last {} of {} show no trend for the better at step {}: {:.2g} ± {:.2g} a check",
                         checks(criterion.trend()), name, step, slope.value, slope.noise);
    }
    case StopReason::kPatience:
    case StopReason::kNone:
      break;
  }
  if (state.best_step < 0 && state.waited > 0) {
    return fmt::format("{} is not better than its baseline of {:g} by more than {} in {}", name, state.best_value,
                       amount(criterion, criterion.min_delta()), checks(state.waited));
  }
  if (state.best_step < 0) {
    return state.undefined == 0 ? fmt::format("no check of {} yet", name)
                                : fmt::format("no finite value of {} in {}", name, checks(state.undefined));
  }
  if (state.waited == 0) {
    return fmt::format("{} improved to {:.4g} at step {}", name, state.best_value, state.best_step);
  }
  return fmt::format("no improvement of {} by more than {} in {} since step {} (best {:.4g})", name,
                     amount(criterion, criterion.min_delta()), checks(state.waited), state.best_step, state.best_value);
}

}  // namespace infoplane::callbacks
