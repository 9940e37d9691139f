#pragma once

#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/estimate.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/point.hpp>
#include <limits>
#include <span>
#include <string>
#include <utility>

namespace infoplane::plane {

/// Why a set without tokens has no values.
inline constexpr const char* kNoLabel =
    "no token has a label of the set (at a site of other positions only labels of whole rows count)";

/// A value with its error, or why it has none.
struct Value {
  double value = std::numeric_limits<double>::quiet_NaN();
  double error = std::numeric_limits<double>::quiet_NaN();
  std::string reason = {};        ///< why the value is NaN
  std::string error_reason = {};  ///< why the error is
};

/// What stands behind a key: the chance level and the corrected value.
struct Behind {
  double null = std::numeric_limits<double>::quiet_NaN();
  Value corrected;
};

/// Writes the statistics of a layer's metrics as efficiencies, each NaN with its reason.
class LayerWriter {
 public:
  /// Efficiencies are nats / `scale`.
  LayerWriter(LayerPoint& point, const estimator::Estimate& estimate, double scale)
      : point_(point), estimate_(estimate), scale_(scale) {}

  const estimator::Estimate& estimate() const noexcept { return estimate_; }
  double scale() const noexcept { return scale_; }
  std::string sequences() const { return detail::concat("it needs at least 2 sequences, got ", estimate_.sequences); }

  /// Standard error of a combination of the estimate's values, in nats.
  double error(std::span<const std::pair<std::size_t, double>> combination) const {
    return std::sqrt(estimate_.covariance.variance(combination));
  }

  void put(const std::string& key, double value, const std::string& reason) {
    point_.metrics[key] = value;
    if (std::isnan(value) && !reason.empty()) {
      point_.reasons.insert_or_assign(key, reason);
    }
  }
  void add_null(const std::string& key, double null, const std::string& reason) { put(null_key(key), null, reason); }
  /// K/corrected and K/standard_error.
  void add(const std::string& key, const Value& value) {
    put(corrected_key(key), value.value, value.reason);
    put(standard_error_key(key), value.error, value.reason.empty() ? value.error_reason : value.reason);
  }
  /// Adds `factor` · ratio + `offset`.
  void add(const std::string& key, const Behind& ratio, double factor, double offset) {
    add_null(key, factor * ratio.null + offset, "the null of its denominator is 0 or undefined");
    Value value = ratio.corrected;
    value.value = factor * value.value + offset;
    add(key, value);
  }

 private:
  LayerPoint& point_;
  const estimator::Estimate& estimate_;
  double scale_;
};

}  // namespace infoplane::plane
