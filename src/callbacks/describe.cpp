#include <fmt/format.h>

#include <cmath>

#include "callbacks/criterion.hpp"

namespace infoplane::callbacks {
namespace {

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

std::string known(const CriterionState& state, const Criterion& criterion, const std::string& name) {
  const auto ahead = outlook(state.history, criterion.mode());
  if (!ahead) {
    return fmt::format("{} of {} so far, too few to know what is left to gain", checks(state.checks - state.undefined),
                       name);
  }
  return fmt::format("{} more of {} would gain {:.2g} ± {:.2g} by the line through the last {}", checks(ahead->checks),
                     name, ahead->gain, ahead->error, ahead->checks);
}

/// Where no check has been the best yet.
std::string without_best(const CriterionState& state, const Criterion& criterion, const std::string& name) {
  if (criterion.settled() && !std::isnan(state.best_value) && !criterion.baseline()) {
    return fmt::format("{} is not better than the {:.4g} that it began with by more than its noise in {}", name,
                       state.best_value, checks(state.waited));
  }
  if (state.waited > 0) {
    return fmt::format("{} is not better than its baseline of {:g} by more than {} in {}", name, state.best_value,
                       amount(criterion, criterion.min_delta()), checks(state.waited));
  }
  if (!state.values.empty()) {
    return fmt::format("{} of {} so far, fewer than the {} that its mean is taken over", checks(state.values.size()),
                       name, criterion.smoothing());
  }
  return state.undefined == 0 ? fmt::format("no check of {} yet", name)
                              : fmt::format("no finite value of {} in {}", name, checks(state.undefined));
}

/// Where nothing but lack of improvement asks for the end, or nothing at all.
std::string waiting(const CriterionState& state, const Criterion& criterion, const std::string& name) {
  if (state.best_step < 0) {
    return without_best(state, criterion, name);
  }
  if (state.waited > 0 && criterion.settled()) {
    return fmt::format("no improvement of {} above its noise in {} since step {} (best {:.4g}); {}", name,
                       checks(state.waited), state.best_step, state.best_value, known(state, criterion, name));
  }
  if (state.waited == 0) {
    return fmt::format("{} improved to {:.4g} at step {}", name, state.best_value, state.best_step);
  }
  return fmt::format("no improvement of {} by more than {} in {} since step {} (best {:.4g})", name,
                     amount(criterion, criterion.min_delta()), checks(state.waited), state.best_step, state.best_value);
}

std::string standing(const CriterionState& state, const Criterion& criterion, std::int64_t step,
                     const std::string& name) {
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
    case StopReason::kSettled:
      return gets_worse(state, criterion)
                 ? fmt::format("{} has been getting worse at step {}: {}", name, step, known(state, criterion, name))
                 : fmt::format("{} has settled at step {}: {}, less than {}", name, step, known(state, criterion, name),
                               amount(criterion, *criterion.settled()));
    case StopReason::kPatience:
    case StopReason::kNone:
      break;
  }
  return waiting(state, criterion, name);
}

/// How many checks said nothing; empty where all spoke, or where the rest of the sentence says it.
std::string undefined(const CriterionState& state) {
  const bool said = state.reason == StopReason::kNotFinite
                        ? state.undefined == 1
                        : state.best_step < 0 && state.waited == 0 && state.values.empty();
  if (state.undefined == 0 || said) {
    return "";
  }
  const auto all =
      state.checks < 0 ? checks(state.undefined) : fmt::format("{} of {}", state.undefined, checks(state.checks));
  return fmt::format("; {} {} not defined", all, state.undefined == 1 ? "was" : "were");
}

}  // namespace

std::string describe(const CriterionState& state, const Criterion& criterion, std::int64_t step) {
  return standing(state, criterion, step, name_of(criterion)) + undefined(state);
}

std::string describe_rest(const CriterionState& state, const Criterion& criterion, std::int64_t step) {
  const auto slope = trend_of(state, criterion);
  return fmt::format("the last {} of {} show no trend, up or down, at step {}: {:.2g} ± {:.2g} a check",
                     checks(criterion.trend()), name_of(criterion), step,
                     criterion.mode() == Mode::kMin ? 0 - slope.value : slope.value, slope.noise) +
         undefined(state);
}

std::string describe_outlook(const CriterionState& state, const Criterion& criterion) {
  return known(state, criterion, name_of(criterion)) + undefined(state);
}

}  // namespace infoplane::callbacks
