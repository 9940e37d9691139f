#include <algorithm>
#include <cstdint>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <nlohmann/json.hpp>

#include "callbacks/criterion.hpp"
#include "core/json_number.hpp"
#include "core/json_tree.hpp"
#include "core/sealed_json.hpp"
#include "core/text.hpp"

namespace infoplane::callbacks {
namespace {

constexpr int kVersion = 2;  // 1 had no checksum

constexpr const char* kNoState = "the text is no saved state of EarlyStopping: ";

/// Bytes of a name that are no UTF-8 are replaced, as JSON cannot hold them.
std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string shown(const nlohmann::json& json) { return text::shortened(dump(json), 80); }

double number(const nlohmann::json& object, const char* name) {
  const auto& json = object.at(name);
  const auto value = number_from_json(json);
  INFOPLANE_CHECK(value, ArgumentError, kNoState, "\"", name, "\" is ", shown(json), " instead of a number");
  return *value;
}

std::int64_t integer(const nlohmann::json& object, const char* name) {
  const auto& json = object.at(name);
  const auto value = integer_from_json(json);
  INFOPLANE_CHECK(value, ArgumentError, kNoState, "\"", name, "\" is ", shown(json), " instead of a 64-bit integer");
  return *value;
}

/// @throws ArgumentError if it is of another version, or no longer what was saved.
nlohmann::json opened(std::string_view text) {
  auto json = json::parse(text);
  const auto version = json.at("version");
  INFOPLANE_CHECK(version == 1 || version == kVersion, ArgumentError, "a saved state of EarlyStopping is of version ",
                  shown(version), "; this library reads versions 1 and ", kVersion);
  const bool sealed = version == 1 || json.contains("checksum");
  INFOPLANE_CHECK(sealed && json::unseal(json), ArgumentError,
                  "a saved state of EarlyStopping is damaged: its checksum is not that of its content");
  return json;
}

nlohmann::json encode(const History& history) {
  return {{"means", history.means}, {"errors", history.errors}, {"checks_a_mean", history.checks_a_mean},
          {"open", history.open},   {"sum", history.sum},       {"squares", history.squares}};
}

nlohmann::json encode(const CriterionState& state, const Criterion& criterion) {
  nlohmann::json json = {{"monitor", name_of(criterion)},
                         {"mode", criterion.mode() == Mode::kMin ? "min" : "max"},
                         {"smoothing", criterion.smoothing()},
                         {"trend", criterion.trend()},
                         {"reason", static_cast<int>(state.reason)},
                         {"best_step", state.best_step},
                         {"best_value", number_to_json(state.best_value)},
                         {"best_error", number_to_json(state.best_error)},
                         {"last_value", number_to_json(state.last_value)},
                         {"waited", state.waited},
                         {"undefined", state.undefined},
                         {"checks", state.checks},
                         {"seen", state.seen},
                         {"values", state.values},
                         {"errors", state.errors}};
  if (keeps_history(criterion)) {
    json["history"] = encode(state.history);
  }
  return json;
}

StopReason reason_of(const nlohmann::json& object) {
  const auto value = integer(object, "reason");
  INFOPLANE_CHECK(value >= 0 && value <= static_cast<int>(StopReason::kSettled), ArgumentError,
                  "a saved state of EarlyStopping has the unknown reason ", value);
  return static_cast<StopReason>(value);
}

CriterionState decode(const nlohmann::json& json) {
  CriterionState state;
  state.reason = reason_of(json);
  state.best_step = integer(json, "best_step");
  state.best_value = number(json, "best_value");
  state.best_error = number(json, "best_error");
  state.last_value = number(json, "last_value");
  state.waited = integer(json, "waited");
  state.undefined = integer(json, "undefined");
  state.values = json.at("values").get<std::deque<double>>();
  state.errors = json.at("errors").get<std::deque<double>>();
  state.checks = json.contains("checks") ? integer(json, "checks") : -1;
  state.seen = json.value("seen", state.best_step >= 0 || !state.values.empty());
  if (json.contains("history")) {
    const auto& history = json.at("history");
    state.history.means = history.at("means").get<std::vector<double>>();
    state.history.errors = history.at("errors").get<std::vector<double>>();
    state.history.checks_a_mean = integer(history, "checks_a_mean");
    state.history.open = integer(history, "open");
    state.history.sum = number(history, "sum");
    state.history.squares = number(history, "squares");
  }
  return state;
}

/// The option that such a reason needs; null where the criterion has it, or the reason needs none.
const char* lacking(StopReason reason, const Criterion& criterion) {
  switch (reason) {
    case StopReason::kThreshold:
      return criterion.stopping_threshold() ? nullptr : "stopping_threshold";
    case StopReason::kDivergence:
      return criterion.divergence_threshold() ? nullptr : "divergence_threshold";
    case StopReason::kWorsening:
      return criterion.worsening() ? nullptr : "worsening";
    case StopReason::kTrend:
      return criterion.trend() > 0 ? nullptr : "trend";
    case StopReason::kSettled:
      return criterion.settled() ? nullptr : "settled";
    case StopReason::kNone:
    case StopReason::kPatience:
    case StopReason::kNotFinite:
      break;
  }
  return nullptr;
}

/// @throws ArgumentError if no checks lead to such a history.
void check(const History& history, const std::string& name) {
  const auto doubled = static_cast<std::uint64_t>(history.checks_a_mean);
  const bool whole = history.means.size() == history.errors.size() && history.means.size() < kMostMeans &&
                     history.checks_a_mean > 0 && (doubled & (doubled - 1)) == 0 && history.open >= 0 &&
                     history.open < history.checks_a_mean;
  INFOPLANE_CHECK(whole, ArgumentError, "a saved state of EarlyStopping has no possible history of \"", name,
                  "\": ", history.means.size(), " means with ", history.errors.size(), " errors, of ",
                  history.checks_a_mean, " checks each, and ", history.open, " more");
}

/// @throws ArgumentError if the criterion cannot have come to such a state.
void check(const CriterionState& state, const Criterion& criterion) {
  const auto name = name_of(criterion);
  const char* const lacks = lacking(state.reason, criterion);
  INFOPLANE_CHECK(lacks == nullptr, ArgumentError, "a saved state of EarlyStopping says ", to_string(state.reason),
                  " of \"", name, "\", which the options have no ", lacks, " for");
  INFOPLANE_CHECK(state.values.size() == state.errors.size(), ArgumentError, "a saved state of EarlyStopping has ",
                  state.values.size(), " values but ", state.errors.size(), " errors of \"", name, '"');
  const auto kept = static_cast<std::size_t>(std::max(criterion.smoothing(), criterion.trend()));
  INFOPLANE_CHECK(state.values.size() <= kept, ArgumentError, "a saved state of EarlyStopping has ",
                  state.values.size(), " values of \"", name, "\", which keeps ", kept, " at most");
  check(state.history, name);
  const auto trend = static_cast<std::size_t>(criterion.trend());
  INFOPLANE_CHECK(state.reason != StopReason::kTrend || state.values.size() >= trend, ArgumentError,
                  "a saved state of EarlyStopping says trend of \"", name, "\" after ", state.values.size(), " of ",
                  trend, " values");
}

/// What the default rule had chosen from the first point, if it is what it may choose.
std::string chosen_share(const std::string& saved, const Criterion& criterion) {
  const auto prefix = criterion.layer().empty() ? std::string() : criterion.layer() + " ";
  const auto key = saved.starts_with(prefix) ? saved.substr(prefix.size()) : saved;
  const bool is_distance = key.starts_with("distance/") && key.ends_with(plane::corrected_key(""));
  return is_distance || key == plane::corrected_key(plane::context_key()) ? key : criterion.monitor();
}

}  // namespace

std::string EarlyStopping::save_state() const {
  auto criteria = nlohmann::json::array();
  for (std::size_t i = 0; i < states_.size(); ++i) {
    criteria.push_back(encode(states_[i], criteria_[i]));
  }
  nlohmann::json json{{"version", kVersion},          {"criteria", criteria}, {"reason", static_cast<int>(reason_)},
                      {"deciding", deciding_},        {"stream", split_},     {"last_step", last_step_},
                      {"stopped_step", stopped_step_}};
  json::seal(json);
  return dump(json);
}

void EarlyStopping::load_state(std::string_view text) {
  EarlyStopping loaded(options_);
  try {
    const auto json = opened(text);
    const auto& criteria = json.at("criteria");
    INFOPLANE_CHECK(criteria.size() == criteria_.size(), ArgumentError, "a saved state of EarlyStopping has ",
                    criteria.size(), " criteria where the options have ", criteria_.size());
    for (std::size_t i = 0; i < criteria_.size(); ++i) {
      if (i == 0 && default_rule()) {
        loaded.criteria_[i].monitor(chosen_share(criteria[i].at("monitor"), criteria_[i]));
      }
      if ((i == 1 || i == 2) && default_rule() && criteria[i].at("monitor") == kFedLoss) {
        loaded.criteria_[i].monitor(kFedLoss);
      }
      const auto now = json::parse(dump(encode(loaded.states_[i], loaded.criteria_[i])));
      for (const char* field : {"monitor", "mode", "smoothing", "trend"}) {
        INFOPLANE_CHECK(criteria[i].at(field) == now.at(field), ArgumentError,
                        "a saved state of EarlyStopping has the ", field, " ", shown(criteria[i].at(field)),
                        " where the options have ", shown(now.at(field)));
      }
      loaded.states_[i] = decode(criteria[i]);
      check(loaded.states_[i], loaded.criteria_[i]);
    }
    loaded.reason_ = reason_of(json);
    const auto deciding = integer(json, "deciding");
    loaded.split_ = json.at("stream");
    loaded.last_step_ = integer(json, "last_step");
    loaded.stopped_step_ = integer(json, "stopped_step");
    INFOPLANE_CHECK(deciding >= 0 && static_cast<std::size_t>(deciding) < criteria_.size(), ArgumentError,
                    "a saved state of EarlyStopping names criterion ", deciding, " of ", criteria_.size());
    loaded.deciding_ = static_cast<std::size_t>(deciding);
    const auto said = loaded.states_[loaded.deciding_].reason;
    INFOPLANE_CHECK(loaded.reason_ == StopReason::kNone || loaded.reason_ == said, ArgumentError,
                    "a saved state of EarlyStopping ended by ", to_string(loaded.reason_), ", but \"",
                    name_of(criteria_[loaded.deciding_]), "\" says ", to_string(said));
  } catch (const nlohmann::json::exception& error) {
    INFOPLANE_THROW(ArgumentError, kNoState, error.what());
  } catch (const IoError& error) {
    INFOPLANE_THROW(ArgumentError, kNoState, error.what());
  }
  INFOPLANE_CHECK(options_.split().empty() || loaded.split_ == options_.split(), ArgumentError,
                  "a saved state of EarlyStopping is of stream \"", loaded.split_, "\" where the options have \"",
                  options_.split(), "\"");
  loaded.reconsider();
  *this = std::move(loaded);
}

}  // namespace infoplane::callbacks
