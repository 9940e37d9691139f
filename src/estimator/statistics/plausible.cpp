#include "estimator/statistics/plausible.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <string>

namespace infoplane::estimator {
namespace {

constexpr double kErrors = 2;
constexpr double kShareOfPlugIn = 0.5;
constexpr double kHarmless = 0.01;  // of log m

/// Values in nats.
struct Checked {
  double plug_in;
  double corrected;
  double error;
  double headroom;
};

/// Why the value is none; empty where it may be one.
std::string objection(const Checked& value, double unit) {
  const double harmless = kHarmless * unit;
  const double slack = std::max(kErrors * value.error, harmless);
  const auto shown = [unit](double nats) { return detail::concat(std::round(1e4 * nats / unit) / 1e4); };
  if (value.corrected < -slack || value.corrected > value.headroom + slack) {
    return detail::concat("the corrected value ", shown(value.corrected), " ± ", shown(value.error),
                          " cannot be: it lies outside of 0 to ", shown(value.headroom),
                          ", which is all that the layer holds; a larger window is needed");
  }
  if (value.error > std::max(kShareOfPlugIn * value.plug_in, harmless)) {
    return detail::concat("the standard error ", shown(value.error), " is more than half of the plug-in value ",
                          shown(value.plug_in), ": a larger window is needed");
  }
  return "";
}

template <typename Value>
void make_undefined(Value& value, const std::string& why) {
  value.reason = value.error_reason = why;
  value.corrected_nats = value.standard_error_nats = kUndefined;
}

/// `Value` is an InformationEstimate or a ThroughEstimate. True if it was rejected.
template <typename Value>
bool reject(Value& value, double headroom, double unit) {
  // Without an error nothing can be held against it.
  if (!value.reason.empty() || std::isnan(value.corrected_nats) || std::isnan(value.standard_error_nats)) {
    return false;
  }
  const double most = std::isnan(headroom) ? unit : headroom;
  const auto why = objection({value.information_nats, value.corrected_nats, value.standard_error_nats, most}, unit);
  if (!why.empty()) {
    make_undefined(value, why);
  }
  return !why.empty();
}

}  // namespace

void reject_implausible(Estimate& estimate) {
  const double unit = std::log(static_cast<double>(estimate.anchors));
  for (auto& set : estimate.sets) {
    const bool rejected = reject(set, set.corrected_context_nats, unit);
    for (auto& through : estimate.through) {
      if (through.input == set.name && rejected && through.reason.empty()) {
        make_undefined(through, set.reason);
      } else if (through.input == set.name) {
        reject(through, set.corrected_context_nats, unit);
      }
    }
  }
}

}  // namespace infoplane::estimator
