#include <algorithm>
#include <cmath>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <utility>

#include "callbacks/criterion.hpp"

namespace infoplane::callbacks {
namespace {

/// The default rule's, chosen on the runs that docs/studies/stopping.md names.
constexpr double kSettledShare = 0.01;
constexpr double kSettledLoss = 0.002;
constexpr double kTurned = 0.0075;
constexpr double kTurnedErrors = 3;
constexpr std::int64_t kTurnedChecks = 3;
/// Where its three criteria stand: the token's share, the loss, and whether the loss has turned.
constexpr std::size_t kShare = 0;
constexpr std::size_t kLoss = 1;
constexpr std::size_t kTurn = 2;

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
    all[0].settled(criterion_.settled().value_or(kSettledShare));
    const auto loss = Criterion().monitor("loss").min_delta(0).min_delta_mode(DeltaMode::kRelative);
    all.push_back(Criterion(loss).patience(criterion_.patience()).settled(kSettledLoss));
    all.push_back(
        Criterion(loss).patience(kEndless).smoothing(kTurnedChecks).worsening(kTurned).worsening_errors(kTurnedErrors));
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
  choose_share(point, fed);
  std::vector<Measured> measured;
  measured.reserve(criteria_.size());
  for (std::size_t i = 0; i < criteria_.size(); ++i) {
    const bool strict = options_.strict() && !(default_rule() && (i == kLoss || i == kTurn));
    measured.push_back(measure(criteria_[i], point, fed, step, strict));
  }
  if (step < options_.start_from_step()) {
    look_before_start(measured, step);
    return;
  }
  if (default_rule() && chooses_fed_loss(fed)) {
    measured[kLoss] = measured[kTurn] = measure(criteria_[kLoss], point, fed, step, false);
  }
  last_step_ = step;
  for (std::size_t i = 0; i < criteria_.size(); ++i) {
    advance(states_[i], criteria_[i], measured[i], step);
  }
  improved_ = best_step() == step;
  improvements_ += improved_ ? 1 : 0;
  decide(step);
}

void EarlyStopping::choose_share(const plane::Point* point, const plane::Metrics& fed) {
  auto& share = criteria_[kShare];
  const auto* const layer = point == nullptr || share.layer().empty() ? nullptr : point->layer(share.layer());
  const auto has = [&](const std::string& key) {
    return fed.contains(key) || (layer != nullptr && layer->metrics.contains(key)) ||
           (point != nullptr && share.layer().empty() && point->mean.contains(key));
  };
  if (!default_rule() || last_step_ >= 0) {
    return;
  }
  std::vector<std::string> candidates = {kDefaultMonitor, kOlderMonitor};
  if (point != nullptr) {
    for (const auto& name : plane::named_outputs_of(layer == nullptr ? point->mean : layer->metrics)) {
      candidates.push_back(plane::corrected_key(plane::distance_key(name)));
    }
  }
  candidates.push_back(plane::corrected_key(plane::context_key()));
  if (const auto found = std::find_if(candidates.begin(), candidates.end(), has); found != candidates.end()) {
    share.monitor(*found);
  }
}

bool EarlyStopping::chooses_fed_loss(const plane::Metrics& fed) {
  const auto found = fed.find(kFedLoss);
  if (criteria_[kLoss].monitor() == kFedLoss || found == fed.end() || !std::isfinite(found->second)) {
    return false;
  }
  for (const auto i : {kLoss, kTurn}) {  // another series than that of the points: it begins anew
    criteria_[i].monitor(kFedLoss);
    states_[i] = {};
  }
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
  return default_rule() && tells(states_[kLoss].history) ? kLoss : kShare;
}

StopReason EarlyStopping::asked_by_default_rule() const {
  const auto& share = states_[kShare];
  if (share.reason != StopReason::kNone && share.reason != StopReason::kSettled) {
    return share.reason;  // by an option of the user's own
  }
  if (leader() == kShare) {
    return share.reason;
  }
  const auto& loss = states_[kLoss];
  const bool free = gets_worse(loss, criteria_[kLoss]) || !still_gains(share, criteria_[kShare]);
  return free ? loss.reason : StopReason::kNone;
}

bool EarlyStopping::has_turned() const {
  // The loss of micro-batches rises where the data get harder, too.
  const bool is_heldout = criteria_[kTurn].monitor() == kFedLoss || split_ == "heldout";
  return is_heldout && leader() == kLoss && states_[kTurn].reason == StopReason::kWorsening &&
         !gains_now(states_[kShare], criteria_[kShare]);
}

std::pair<StopReason, std::size_t> EarlyStopping::vote_of_default_rule() const {
  if (failed(states_[kLoss])) {
    return {states_[kLoss].reason, kLoss};
  }
  const auto reason = asked_by_default_rule();
  if (reason == StopReason::kNone && has_turned()) {
    return {StopReason::kWorsening, kTurn};
  }
  return {reason, leader() == kLoss && reason == StopReason::kSettled ? kLoss : kShare};
}

void EarlyStopping::decide(std::int64_t step) {
  // What each votes for. Those of the default rule have one vote.
  std::vector<std::pair<StopReason, std::size_t>> votes;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    votes.emplace_back(states_[i].reason, i);
  }
  if (default_rule()) {
    votes[kShare] = vote_of_default_rule();
    votes.erase(votes.begin() + kLoss, votes.begin() + kTurn + 1);
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

bool EarlyStopping::is_rest_of_both(std::size_t index) const {
  const auto by_trend = [&](std::size_t i) { return stopped() && states_[i].reason == StopReason::kTrend; };
  return index + 1 < states_.size() && by_trend(index) && by_trend(index + 1) &&
         name_of(criteria_[index]) == name_of(criteria_[index + 1]) &&
         criteria_[index].mode() != criteria_[index + 1].mode();
}

std::string EarlyStopping::message() const {
  const auto told = stopped() ? deciding_ : leader();
  auto text = describe(states_[told], criteria_[told], last_step_);
  if (default_rule() && told == kLoss && reason_ == StopReason::kSettled) {
    text += "; " + describe_outlook(states_[kShare], criteria_[kShare]);
  }
  const bool together =
      options_.combine() == Combine::kAll && reason_ != StopReason::kDivergence && reason_ != StopReason::kNotFinite;
  for (std::size_t i = std::max(told, default_rule() ? kTurn : kShare) + 1; together && i < states_.size(); ++i) {
    if (is_rest_of_both(i)) {
      text += "; " + describe_rest(states_[i], criteria_[i], last_step_);
      ++i;
      continue;
    }
    // Before the end only what stands in its way without being seen.
    text += stopped() || states_[i].undefined > 0 ? "; " + describe(states_[i], criteria_[i], last_step_) : "";
  }
  return text;
}

}  // namespace infoplane::callbacks
