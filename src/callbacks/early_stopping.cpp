#include <algorithm>
#include <cmath>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <utility>

#include "callbacks/criterion.hpp"

namespace infoplane::callbacks {
namespace {

/// The default rule's, chosen on the runs that docs/studies/stopping.md names.
constexpr double kSettledDistance = 0.01;
constexpr double kSettledLoss = 0.002;
/// Where its two criteria stand.
constexpr std::size_t kDistance = 0;
constexpr std::size_t kLoss = 1;

bool failed(const CriterionState& state) {
  return state.reason == StopReason::kDivergence || state.reason == StopReason::kNotFinite;
}

}  // namespace

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
    case StopReason::kSettled:
      return "settled";
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
    case StopReason::kSettled:
      return 14;
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
  std::vector<Criterion> all{criterion_};
  if (!names_monitor_) {
    all[0].settled(criterion_.settled().value_or(kSettledDistance));
    all.push_back(Criterion()
                      .monitor("loss")
                      .patience(criterion_.patience())
                      .min_delta(0)
                      .min_delta_mode(DeltaMode::kRelative)
                      .settled(kSettledLoss));
  }
  all.insert(all.end(), also_.begin(), also_.end());
  return all;
}

EarlyStopping::EarlyStopping(EarlyStoppingOptions options)
    : options_(std::move(options)), criteria_(options_.criteria()), split_(options_.split()) {
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
  if (stopped() || (!options_.split().empty() && point.split != options_.split())) {
    return stopped();
  }
  INFOPLANE_CHECK(split_.empty() || point.split == split_, StateError, "EarlyStopping was given a point of stream \"",
                  point.split, "\" after points of stream \"", split_, "\", which cannot be compared: choose one with ",
                  "EarlyStoppingOptions().split(\"", split_, "\")");
  take(point.step, &point, fed);
  if (last_step_ == point.step) {  // it counted
    split_ = point.split;
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
  for (std::size_t i = 0; i < criteria_.size(); ++i) {
    const bool strict = options_.strict() && !(default_rule() && i == kLoss);
    measured.push_back(measure(criteria_[i], point, fed, step, strict));
  }
  if (step < options_.start_from_step()) {
    look_before_start(measured, step);
    return;
  }
  if (default_rule() && chooses_fed_loss(fed)) {
    measured[kLoss] = measure(criteria_[kLoss], point, fed, step, false);
  }
  last_step_ = step;
  for (std::size_t i = 0; i < criteria_.size(); ++i) {
    advance(states_[i], criteria_[i], measured[i], step);
  }
  improved_ = best_step() == step;
  improvements_ += improved_ ? 1 : 0;
  decide(step);
}

bool EarlyStopping::chooses_fed_loss(const plane::Metrics& fed) {
  const auto found = fed.find(kFedLoss);
  if (criteria_[kLoss].monitor() == kFedLoss || found == fed.end() || !std::isfinite(found->second)) {
    return false;
  }
  criteria_[kLoss].monitor(kFedLoss);  // another series than that of the points: it begins anew
  states_[kLoss] = {};
  return true;
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

std::size_t EarlyStopping::leader() const noexcept {
  return default_rule() && tells(states_[kLoss].history) ? kLoss : kDistance;
}

StopReason EarlyStopping::asked_by_default_rule() const {
  const auto& distance = states_[kDistance];
  if (distance.reason != StopReason::kNone && distance.reason != StopReason::kSettled) {
    return distance.reason;  // by an option of the user's own
  }
  if (leader() == kDistance || states_[kLoss].reason == StopReason::kNone) {
    return leader() == kDistance ? distance.reason : StopReason::kNone;
  }
  const bool free = gets_worse(states_[kLoss], criteria_[kLoss]) || !still_gains(distance, criteria_[kDistance]);
  return free ? states_[kLoss].reason : StopReason::kNone;
}

void EarlyStopping::decide(std::int64_t step) {
  // What each votes for. The two of the default rule have one vote.
  std::vector<std::pair<StopReason, std::size_t>> votes;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    votes.emplace_back(states_[i].reason, i);
  }
  if (default_rule()) {
    const bool lost = failed(states_[kLoss]);
    const auto reason = lost ? states_[kLoss].reason : asked_by_default_rule();
    const bool of_loss = lost || (leader() == kLoss && reason == StopReason::kSettled);
    votes[kDistance] = {reason, of_loss ? kLoss : kDistance};
    votes.erase(votes.begin() + kLoss);
  }
  if (options_.combine() == Combine::kFirst) {
    votes.resize(1);
  }
  const auto fails = [](const auto& vote) {
    return vote.first == StopReason::kDivergence || vote.first == StopReason::kNotFinite;
  };
  const auto asks = [](const auto& vote) { return vote.first != StopReason::kNone; };
  auto found = std::find_if(votes.begin(), votes.end(), fails);
  if (found == votes.end() && (options_.combine() != Combine::kAll || std::all_of(votes.begin(), votes.end(), asks))) {
    found = std::find_if(votes.begin(), votes.end(), asks);
  }
  if (found != votes.end()) {
    reason_ = found->first;
    stopped_step_ = step;
    deciding_ = found->second;
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
  const auto told = stopped() ? deciding_ : leader();
  auto text = describe(states_[told], criteria_[told], last_step_);
  if (default_rule() && told == kLoss && reason_ == StopReason::kSettled) {
    text += "; " + describe_outlook(states_[kDistance], criteria_[kDistance]);
  }
  const bool together =
      options_.combine() == Combine::kAll && reason_ != StopReason::kDivergence && reason_ != StopReason::kNotFinite;
  for (std::size_t i = std::max(told, default_rule() ? kLoss : kDistance) + 1; together && i < states_.size(); ++i) {
    // Before the end only what stands in its way without being seen.
    text += stopped() || states_[i].undefined > 0 ? "; " + describe(states_[i], criteria_[i], last_step_) : "";
  }
  return text;
}

}  // namespace infoplane::callbacks
