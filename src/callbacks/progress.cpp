#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "callbacks/criterion.hpp"

namespace infoplane::callbacks {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// What is compared: the mean over the last `smoothing` checks, and its standard error.
struct Level {
  double value = 0;
  double error = 0;
};

Level level_of(const CriterionState& state, const Criterion& criterion) {
  const auto count = static_cast<double>(criterion.smoothing());
  const auto back = static_cast<std::ptrdiff_t>(criterion.smoothing());
  const auto errors = state.errors.end() - back;
  return {std::accumulate(state.values.end() - back, state.values.end(), 0.0) / count,
          std::sqrt(std::inner_product(errors, state.errors.end(), errors, 0.0)) / count};
}

bool enough_for_level(const CriterionState& state, const Criterion& criterion) {
  return state.values.size() >= static_cast<std::size_t>(criterion.smoothing());
}

bool defined(const Measured& now) { return std::isfinite(now.value) && std::isfinite(now.error) && !now.noise; }

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

/// 0.8 − 0.7 is above 0.1 in binary; a change of exactly min_delta must not count because of its last bit.
double rounding(double one, double other) {
  return 4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(one), std::abs(other));
}

/// What lies within the noise of both is no improvement, unless the unit of min_delta is that noise.
double noise(const CriterionState& state, const Criterion& criterion, double error) {
  return criterion.min_delta_mode() == DeltaMode::kStandardErrors ? 0 : std::hypot(error, state.best_error);
}

bool worse_than(const Criterion& criterion, double value, double limit) {
  return criterion.mode() == Mode::kMin ? value > limit : value < limit;
}

bool diverged(const Criterion& criterion, double value) {
  return criterion.divergence_threshold() && worse_than(criterion, value, *criterion.divergence_threshold());
}

bool good_enough(const Criterion& criterion, double value) {
  return criterion.stopping_threshold() && !worse_than(criterion, value, *criterion.stopping_threshold());
}

bool worsened(const CriterionState& state, const Criterion& criterion, const Level& now) {
  return criterion.worsening() && state.best_step >= 0 &&
         -gain(state, criterion, now.value) >
             in_unit(state, criterion, *criterion.worsening(), now.error) + rounding(now.value, state.best_value);
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

StopReason asked_for(const CriterionState& state, const Criterion& criterion, const Level& now) {
  if (good_enough(criterion, now.value)) {
    return StopReason::kThreshold;
  }
  return worsened(state, criterion, now) ? StopReason::kWorsening : at_rest(state, criterion);
}

void keep(CriterionState& state, const Criterion& criterion, const Measured& now) {
  state.values.push_back(now.value);
  state.errors.push_back(now.error);
  if (state.values.size() > static_cast<std::size_t>(std::max(criterion.smoothing(), criterion.trend()))) {
    state.values.pop_front();
    state.errors.pop_front();
  }
}

/// Moves the best, or waits. True if it moved.
bool compare(CriterionState& state, const Criterion& criterion, const Level& now, std::int64_t step) {
  const bool first = std::isnan(state.best_value);
  const double better = first ? 0 : gain(state, criterion, now.value);
  const double slack = first ? 0 : rounding(now.value, state.best_value);
  if (!first && !(better > in_unit(state, criterion, criterion.min_delta(), now.error) + slack)) {
    ++state.waited;
    return false;
  }
  if (!first && !(better > noise(state, criterion, now.error))) {
    return false;  // enough, but it may be noise: neither an improvement nor a check without one
  }
  state.best_value = now.value;
  state.best_error = now.error;
  state.best_step = step;
  state.waited = 0;
  return true;
}

}  // namespace

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

bool not_finite(const CriterionState& state, const Criterion& criterion, const Measured& now) {
  if (std::isfinite(now.value)) {
    return false;
  }
  // A loss that was never given is NaN too, so by itself only one that was finite before counts.
  return criterion.check_finite().value_or(is_loss(criterion.monitor()) && state.seen && !now.missing);
}

bool advance(CriterionState& state, const Criterion& criterion, const Measured& now, std::int64_t step) {
  state.checks += state.checks < 0 ? 0 : 1;
  state.undefined += defined(now) ? 0 : 1;
  state.reason = StopReason::kNone;
  if (not_finite(state, criterion, now)) {
    state.last_value = now.value;
    state.reason = StopReason::kNotFinite;
    return false;
  }
  state.seen = state.seen || std::isfinite(now.value);
  if (!defined(now)) {
    state.reason = at_rest(state, criterion);  // still: it has not improved either
    return false;
  }
  if (diverged(criterion, now.value)) {
    state.last_value = now.value;
    state.reason = StopReason::kDivergence;
    return false;
  }
  keep(state, criterion, now);
  if (!enough_for_level(state, criterion)) {
    return false;
  }
  const auto level = level_of(state, criterion);
  state.last_value = level.value;
  const bool better = compare(state, criterion, level, step);
  state.reason = asked_for(state, criterion, level);
  return better;
}

StopReason reconsidered(const CriterionState& state, const Criterion& criterion) {
  switch (state.reason) {
    case StopReason::kNone:
      return StopReason::kNone;
    case StopReason::kNotFinite:
      return criterion.check_finite().value_or(is_loss(criterion.monitor())) ? state.reason : StopReason::kNone;
    case StopReason::kDivergence:
      return diverged(criterion, state.last_value) ? state.reason : StopReason::kNone;
    default:
      return enough_for_level(state, criterion) ? asked_for(state, criterion, level_of(state, criterion))
                                                : at_rest(state, criterion);
  }
}

}  // namespace infoplane::callbacks
