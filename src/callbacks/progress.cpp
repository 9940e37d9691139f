#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "callbacks/criterion.hpp"

namespace infoplane::callbacks {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Mean over the last `smoothing` checks, and its standard error.
Level mean_of(const CriterionState& state, const Criterion& criterion) {
  const auto count = static_cast<double>(criterion.smoothing());
  const auto back = static_cast<std::ptrdiff_t>(criterion.smoothing());
  const auto errors = state.errors.end() - back;
  return {std::accumulate(state.values.end() - back, state.values.end(), 0.0) / count,
          std::sqrt(std::inner_product(errors, state.errors.end(), errors, 0.0)) / count, 0};
}

bool enough_for_mean(const CriterionState& state, const Criterion& criterion) {
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
  if (!criterion.worsening() || state.best_step < 0) {
    return false;
  }
  const double loss = -gain(state, criterion, now.value);
  if (!(loss > in_unit(state, criterion, *criterion.worsening(), now.error) + rounding(now.value, state.best_value))) {
    return false;
  }
  if (criterion.worsening_errors() <= 0) {
    return true;
  }
  const auto known = jumps(state.history);
  const double of_difference = std::sqrt(2 / static_cast<double>(criterion.smoothing())) * known.deviation;
  const double luck = std::sqrt(std::log(static_cast<double>(checks_in(state.history))));  // the best of so many has it
  return loss > (known.quantile(criterion.worsening_errors()) + luck) * of_difference;     // NaN: not known
}

bool has_settled(const CriterionState& state, const Criterion& criterion) {
  const auto ahead = outlook(state.history, criterion.mode());
  // A gain below 0 is luck as long as it may be: what counts then is how well it is known.
  return ahead &&
         (std::max(ahead->gain, 0.0) + ahead->error <= margin(criterion, *ahead) || gets_worse(state, criterion));
}

/// Whether lack of improvement asks for the end.
StopReason at_rest(const CriterionState& state, const Criterion& criterion) {
  const bool waited = state.waited >= criterion.patience();
  if (waited && !criterion.settled()) {
    return StopReason::kPatience;
  }
  if (waited && has_settled(state, criterion)) {
    return StopReason::kSettled;
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

bool moves_to(CriterionState& state, const Level& now, std::int64_t step) {
  state.best_value = now.value;
  state.best_error = now.error;
  state.best_step = step;
  state.waited = 0;
  return true;
}

/// As `compare`, of what lies above its noise. True if the best moved.
bool compare_levels(CriterionState& state, const Criterion& criterion, std::int64_t step) {
  const auto now = level_of(state.history);
  if (std::isnan(state.best_value)) {
    moves_to(state, now, step > 0 ? step : -1);  // step 0 is a model that nobody has trained
    return step > 0;
  }
  state.best_error = state.best_error > 0 ? state.best_error : now.scatter;  // of a single check, before it was known
  const double noise = std::hypot(now.error, state.best_error);
  const double better = gain(state, criterion, now.value);
  const bool above = better > noise && better > in_unit(state, criterion, criterion.min_delta(), now.error);
  const bool firmer =
      better > -noise && 2 * now.error * now.error <= state.best_error * state.best_error && state.best_error > 0;
  if (above || firmer) {
    return moves_to(state, now, step);
  }
  ++state.waited;
  return false;
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
  return moves_to(state, now, step);
}

}  // namespace

double margin(const Criterion& criterion, const Outlook& ahead) {
  return criterion.settled().value_or(0) * (criterion.min_delta_mode() == DeltaMode::kRelative ? ahead.size : 1);
}

bool gets_worse(const CriterionState& state, const Criterion& criterion) {
  const auto ahead = outlook(state.history, criterion.mode());
  return ahead && ahead->gain + ahead->sure_error < 0;
}

bool keeps_history(const Criterion& criterion) { return criterion.settled() || criterion.worsening_errors() > 0; }

bool gains_now(const CriterionState& state, const Criterion& criterion) {
  constexpr std::size_t kChecks = 6;
  constexpr double kErrors = 3;
  plane::Series last;
  const auto& means = state.history.means;
  for (std::size_t i = means.size() - std::min(means.size(), kChecks); i < means.size(); ++i) {
    last.push_back({static_cast<std::int64_t>(i), means[i], kNaN});
  }
  const auto slope = plane::trend(last);  // NaN of too few
  return (criterion.mode() == Mode::kMin ? -slope.value : slope.value) > kErrors * slope.noise;
}

bool still_gains(const CriterionState& state, const Criterion& criterion) {
  const auto ahead = outlook(state.history, criterion.mode());
  return ahead && ahead->gain > std::max(ahead->standard_error, margin(criterion, *ahead));
}

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
  // A loss that was never given is NaN too, so by itself NaN counts only of one that was finite before.
  const bool is_given = state.seen || std::isinf(now.value);
  return criterion.check_finite().value_or(is_loss(criterion.monitor()) && is_given && !now.missing);
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
  const bool closed = keeps_history(criterion) && add(state.history, now.value, now.error);
  if (!enough_for_mean(state, criterion)) {
    return false;
  }
  const auto level = mean_of(state, criterion);
  state.last_value = level.value;
  bool better = false;
  if (!criterion.settled()) {
    better = compare(state, criterion, level, step);
  } else if (closed) {
    better = compare_levels(state, criterion, step);
  } else {
    ++state.waited;
  }
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
      return enough_for_mean(state, criterion) ? asked_for(state, criterion, mean_of(state, criterion))
                                               : at_rest(state, criterion);
  }
}

}  // namespace infoplane::callbacks
