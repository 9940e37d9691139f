#include <algorithm>
#include <cmath>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <utility>

#include "callbacks/criterion.hpp"

namespace infoplane::callbacks {

const char* to_string(StopReason reason) noexcept {
  switch (reason) {
    case StopReason::kPatience:
      return "patience";
    case StopReason::kThreshold:
      return "threshold";
    case StopReason::kWorsening:
      return "worsening";
    case StopReason::kDivergence:
      return "divergence";
    case StopReason::kNotFinite:
      return "not finite";
    case StopReason::kTrend:
      return "trend";
    case StopReason::kNone:
      break;
  }
  return "none";
}

int exit_code(StopReason reason) noexcept {
  switch (reason) {
    case StopReason::kPatience:
      return 10;
    case StopReason::kThreshold:
      return 11;
    case StopReason::kWorsening:
      return 12;
    case StopReason::kTrend:
      return 13;
    case StopReason::kDivergence:
      return 20;
    case StopReason::kNotFinite:
      return 21;
    case StopReason::kNone:
      break;
  }
  return 0;
}

std::vector<Criterion> EarlyStoppingOptions::criteria() const {
  std::vector<Criterion> all{Criterion()
                                 .monitor(monitor_)
                                 .layer(layer_)
                                 .mode(mode_)
                                 .patience(patience_)
                                 .min_delta(min_delta_)
                                 .min_delta_mode(min_delta_mode_)
                                 .stopping_threshold(stopping_threshold_)
                                 .divergence_threshold(divergence_threshold_)
                                 .worsening(worsening_)
                                 .baseline(baseline_)
                                 .smoothing(smoothing_)
                                 .trend(trend_)
                                 .trend_errors(trend_errors_)};
  all.insert(all.end(), also_.begin(), also_.end());
  return all;
}

EarlyStopping::EarlyStopping(EarlyStoppingOptions options)
    : options_(std::move(options)), criteria_(options_.criteria()), stream_(options_.stream()) {
  INFOPLANE_CHECK(options_.start_from_step() >= 0, ArgumentError,
                  "EarlyStopping needs a start_from_step of at least 0, got ", options_.start_from_step());
  for (auto& criterion : criteria_) {
    validate(criterion);
    criterion.check_finite(criterion.check_finite() ? criterion.check_finite() : options_.check_finite());
    states_.emplace_back();
    states_.back().best_value = criterion.baseline().value_or(states_.back().best_value);
  }
}

bool EarlyStopping::update(const plane::Point& point, const plane::Metrics& fed) {
  if (stopped() || (!options_.stream().empty() && point.stream != options_.stream())) {
    return stopped();
  }
  INFOPLANE_CHECK(stream_.empty() || point.stream == stream_, StateError,
                  "EarlyStopping was given a point of stream \"", point.stream, "\" after points of stream \"", stream_,
                  "\", which cannot be compared: choose one with ", "EarlyStoppingOptions().stream(\"", stream_, "\")");
  take(point.step, &point, fed);
  if (last_step_ == point.step) {  // it counted
    stream_ = point.stream;
  }
  return stopped();
}

bool EarlyStopping::update(std::int64_t step, const plane::Metrics& fed) {
  if (!stopped()) {
    take(step, nullptr, fed);
  }
  return stopped();
}

void EarlyStopping::take(std::int64_t step, const plane::Point* point, const plane::Metrics& fed) {
  INFOPLANE_CHECK(last_step_ < step, StateError, "EarlyStopping was given the point of step ", step,
                  " after that of step ", last_step_, ": points must come in the order of their steps, each once");
  std::vector<Measured> measured;
  measured.reserve(criteria_.size());
  for (const auto& criterion : criteria_) {
    measured.push_back(measure(criterion, point, fed, step, options_.strict()));
  }
  if (step < options_.start_from_step()) {
    look_before_start(measured, step);
    return;
  }
  last_step_ = step;
  improved_ = false;
  for (std::size_t i = 0; i < criteria_.size(); ++i) {
    const bool better = advance(states_[i], criteria_[i], measured[i], step);
    improved_ = i == 0 ? better : improved_;
  }
  improvements_ += improved_ ? 1 : 0;
  decide(step);
}

void EarlyStopping::look_before_start(const std::vector<Measured>& measured, std::int64_t step) {
  const auto before = states_;
  for (std::size_t i = 0; i < criteria_.size(); ++i) {
    if (not_finite(states_[i], criteria_[i], measured[i])) {
      advance(states_[i], criteria_[i], measured[i], step);
    }
  }
  decide(step);
  if (stopped()) {
    last_step_ = step;
    improved_ = false;
    return;
  }
  states_ = before;
  for (std::size_t i = 0; i < criteria_.size(); ++i) {
    const bool may_break = !criteria_[i].check_finite() && is_loss(criteria_[i].monitor());
    states_[i].seen = states_[i].seen || (may_break && std::isfinite(measured[i].value));
  }
}

void EarlyStopping::decide(std::int64_t step) {
  const auto voters = states_.begin() + (options_.combine() == Combine::kFirst ? 1 : std::ptrdiff_t(states_.size()));
  const auto failed = [](const CriterionState& state) {
    return state.reason == StopReason::kDivergence || state.reason == StopReason::kNotFinite;
  };
  const auto asks = [](const CriterionState& state) { return state.reason != StopReason::kNone; };
  auto found = std::find_if(states_.begin(), voters, failed);
  if (found == voters && (options_.combine() != Combine::kAll || std::all_of(states_.begin(), voters, asks))) {
    found = std::find_if(states_.begin(), voters, asks);
  }
  if (found != voters) {
    reason_ = found->reason;
    stopped_step_ = step;
    deciding_ = static_cast<std::size_t>(found - states_.begin());
  }
}

void EarlyStopping::reconsider() {
  if (!stopped()) {
    return;
  }
  const auto step = stopped_step_;
  for (std::size_t i = 0; i < criteria_.size(); ++i) {
    states_[i].reason = reconsidered(states_[i], criteria_[i]);
  }
  reason_ = StopReason::kNone;
  stopped_step_ = -1;
  deciding_ = 0;
  decide(step);
}

std::string EarlyStopping::message() const {
  auto text = describe(states_[deciding_], criteria_[deciding_], last_step_);
  const bool together =
      options_.combine() == Combine::kAll && reason_ != StopReason::kDivergence && reason_ != StopReason::kNotFinite;
  for (std::size_t i = deciding_ + 1; together && i < states_.size(); ++i) {
    // Before the end only what stands in its way without being seen.
    text += stopped() || states_[i].undefined > 0 ? "; " + describe(states_[i], criteria_[i], last_step_) : "";
  }
  return text;
}

}  // namespace infoplane::callbacks
