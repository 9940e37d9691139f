#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <utility>
#include <vector>

namespace infoplane::callbacks {
namespace {

std::string keys_of(const plane::Metrics& metrics) {
  if (metrics.empty()) {
    return "none, because the point has no layer but the embedding";
  }
  std::vector<std::string> keys;
  keys.reserve(metrics.size());
  for (const auto& [key, value] : metrics) {
    keys.push_back(key);
  }
  return detail::join(keys);
}

std::string checks(std::int64_t count) { return fmt::format("{} check{}", count, count == 1 ? "" : "s"); }

}  // namespace

const char* to_string(StopReason reason) noexcept { return reason == StopReason::kPatience ? "patience" : "none"; }

EarlyStopping::EarlyStopping(EarlyStoppingOptions options) : options_(std::move(options)), stream_(options_.stream()) {
  INFOPLANE_CHECK(!options_.monitor().empty(), ArgumentError,
                  "EarlyStopping needs the key of a metric, such as monitor(\"distance/unigram\")");
  INFOPLANE_CHECK(options_.patience() >= 1, ArgumentError, "EarlyStopping needs a patience of at least 1 check, got ",
                  options_.patience());
  INFOPLANE_CHECK(std::isfinite(options_.min_delta()) && options_.min_delta() >= 0, ArgumentError,
                  "EarlyStopping needs a finite min_delta of at least 0, got ", options_.min_delta(),
                  ": it is a distance, whatever the mode");
  INFOPLANE_CHECK(options_.start_from_step() >= 0, ArgumentError,
                  "EarlyStopping needs a start_from_step of at least 0, got ", options_.start_from_step());
}

bool EarlyStopping::improves(double value) const noexcept {
  if (std::isnan(best_value_)) {
    return true;
  }
  const auto gain = options_.mode() == Mode::kMin ? best_value_ - value : value - best_value_;
  // 0.8 − 0.7 is above 0.1 in binary; a gain of exactly min_delta must not count because of its last bit.
  const auto rounding = 4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(value), std::abs(best_value_));
  return gain > options_.min_delta() + rounding;
}

bool EarlyStopping::update(const plane::Point& point) {
  if (stopped() || (!options_.stream().empty() && point.stream != options_.stream())) {
    return stopped();
  }
  INFOPLANE_CHECK(stream_.empty() || point.stream == stream_, StateError,
                  "EarlyStopping was given a point of stream \"", point.stream, "\" after points of stream \"", stream_,
                  "\", which cannot be compared: choose one with ", "EarlyStoppingOptions().stream(\"", stream_, "\")");
  INFOPLANE_CHECK(last_step_ < point.step, StateError, "EarlyStopping was given the point of step ", point.step,
                  " after that of step ", last_step_, ": points must come in the order of their steps, each once");
  const auto found = point.mean.find(options_.monitor());
  INFOPLANE_CHECK(found != point.mean.end(), ArgumentError, "EarlyStopping monitors \"", options_.monitor(),
                  "\", which the point of step ", point.step, " does not have; it has: ", keys_of(point.mean));

  stream_ = point.stream;
  last_step_ = point.step;
  const auto value = found->second;
  if (point.step < options_.start_from_step()) {
    return false;
  }
  if (!std::isfinite(value)) {
    ++undefined_;
  } else if (improves(value)) {
    best_value_ = value;
    best_step_ = point.step;
    waited_ = 0;
  } else if (++waited_ >= options_.patience()) {
    reason_ = StopReason::kPatience;
    stopped_step_ = point.step;
  }
  return stopped();
}

std::string EarlyStopping::message() const {
  if (best_step_ < 0) {
    return undefined_ == 0 ? fmt::format("no check of {} yet", options_.monitor())
                           : fmt::format("no finite value of {} in {}", options_.monitor(), checks(undefined_));
  }
  if (waited_ == 0) {
    return fmt::format("{} improved to {:.4g} at step {}", options_.monitor(), best_value_, best_step_);
  }
  return fmt::format("no improvement of {} by more than {:g} in {} since step {} (best {:.4g})", options_.monitor(),
                     options_.min_delta(), checks(waited_), best_step_, best_value_);
}

}  // namespace infoplane::callbacks
