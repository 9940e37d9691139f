#include "callbacks/criterion.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/draws.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <limits>
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

/// The metrics that a key is found in, and the value. `metrics` is null for the point's own loss.
struct Found {
  const plane::Metrics* metrics = nullptr;
  const double* value = nullptr;
};

Found find(const std::string& key, const Criterion& criterion, const plane::Point* point, const plane::Metrics& fed) {
  if (const auto found = fed.find(key); found != fed.end()) {
    return {&fed, &found->second};
  }
  if (point != nullptr && key == kLoss) {
    return {nullptr, &point->loss};
  }
  const auto* metrics = metrics_of(criterion, point);
  if (metrics == nullptr) {
    return {};
  }
  const auto found = metrics->find(key);
  return {metrics, found == metrics->end() ? nullptr : &found->second};
}

/// What the same source says about the value's noise.
void add_noise(Measured& now, const std::string& key, const Found& found) {
  if (found.metrics == nullptr || found.value == nullptr) {
    return;
  }
  const double error = plane::error_within_run(*found.metrics, key);
  now.error = std::isfinite(error) ? error : 0;
  const auto corrected = found.metrics->find(plane::corrected_key(key));
  now.noise = corrected != found.metrics->end() && std::isnan(corrected->second);
}

}  // namespace

void validate(const Criterion& criterion) {
  INFOPLANE_CHECK(!criterion.monitor().empty(), ArgumentError,
                  "EarlyStopping needs the key of a metric, such as monitor(\"distance/unigram/corrected\")");
  INFOPLANE_CHECK(criterion.patience() >= 1, ArgumentError, "EarlyStopping needs a patience of at least 1 check, got ",
                  criterion.patience());
  INFOPLANE_CHECK(std::isfinite(criterion.min_delta()) && criterion.min_delta() >= 0, ArgumentError,
                  "EarlyStopping needs a finite min_delta of at least 0, got ", criterion.min_delta(),
                  ": it is a distance, whatever the mode");
  const double worsening = criterion.worsening().value_or(0);
  INFOPLANE_CHECK(std::isfinite(worsening) && worsening >= 0, ArgumentError,
                  "EarlyStopping needs a finite worsening of at least 0, got ", worsening,
                  ": it is a distance, whatever the mode");
  INFOPLANE_CHECK(std::isfinite(criterion.worsening_errors()) && criterion.worsening_errors() >= 0, ArgumentError,
                  "EarlyStopping needs finite worsening_errors of at least 0, got ", criterion.worsening_errors());
  INFOPLANE_CHECK(criterion.worsening_errors() <= 0 || criterion.worsening(), ArgumentError,
                  "EarlyStopping got worsening_errors of ", criterion.worsening_errors(), " for ", name_of(criterion),
                  " but no worsening: say by how much at least, worsening(0) for any");
  const double settled = criterion.settled().value_or(0);
  INFOPLANE_CHECK(std::isfinite(settled) && settled >= 0, ArgumentError,
                  "EarlyStopping needs a finite settled of at least 0, got ", settled,
                  ": it is what going on must still be worth");
  INFOPLANE_CHECK(!criterion.settled() || criterion.min_delta_mode() != DeltaMode::kStandardErrors, ArgumentError,
                  "EarlyStopping takes settled in the metric's own unit or relative to it, not in standard errors");
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
    const auto found = find(key, criterion, point, fed);
    INFOPLANE_CHECK(found.value != nullptr || !strict, ArgumentError, "EarlyStopping monitors \"", key, "\"",
                    criterion.layer().empty() ? "" : " of " + criterion.layer(), ", which the point of step ", step,
                    " does not have; it has: ", available(criterion, point, fed));
    return found;
  };
  const auto value_of = [](const Found& found) { return found.value == nullptr ? kNaN : *found.value; };
  const auto found = looked_up(criterion.monitor());
  Measured now{value_of(found)};
  now.missing = found.value == nullptr;
  add_noise(now, criterion.monitor(), found);
  if (criterion.min_delta_mode() == DeltaMode::kStandardErrors) {
    const auto error = looked_up(plane::error_key(criterion.monitor()));
    now.error =
        error.metrics == nullptr ? value_of(error) : plane::error_within_run(*error.metrics, criterion.monitor());
  }
  return now;
}

bool is_loss(std::string_view key) noexcept {
  constexpr auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  constexpr auto letter = [lower](char c) { return lower(c) >= 'a' && lower(c) <= 'z'; };
  while (!key.empty()) {
    const auto word = std::find_if_not(key.begin(), key.end(), letter);
    const auto length = static_cast<std::size_t>(word - key.begin());
    if (std::equal(key.begin(), word, kLoss.begin(), kLoss.end(), [lower](char a, char b) { return lower(a) == b; })) {
      return true;
    }
    key.remove_prefix(std::min(length + 1, key.size()));
  }
  return false;
}

}  // namespace infoplane::callbacks
