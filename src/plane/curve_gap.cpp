#include <array>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/curve_gap.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <limits>

#include "plane/statistics.hpp"

namespace infoplane::plane {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Of a ratio's error, s_y² − 2 r c + r² s_x² with the covariance c that the error of y / x tells.
double error_of_through(const Metrics& layer, std::string_view order, double r) {
  const auto x = value_at(layer, corrected_key(complexity_key(order)));
  const auto error_x = value_at(layer, standard_error_key(complexity_key(order)));
  const auto error_y = value_at(layer, standard_error_key(through_key(order)));
  const auto ratio = value_at(layer, corrected_key(optimality_through_key(order)));
  const auto error_ratio = value_at(layer, standard_error_key(optimality_through_key(order)));
  return error_of_combination({x, error_x, error_y, ratio, error_ratio}, r);
}

/// Why values are not there: what goes through X has a reason, or its ratio.
void add_reasons(LayerPoint& layer, const std::string& through, const std::string& ratio, bool known,
                 const std::array<std::string, 2>& keys) {
  const auto none = layer.reasons.find(through);
  const auto unknown = layer.reasons.find(ratio);
  for (const auto& key : keys) {
    if (none != layer.reasons.end()) {
      layer.reasons[key] = layer.reasons[null_key(key)] = none->second;
    }
    if (!known && unknown != layer.reasons.end()) {
      layer.reasons[corrected_key(key)] = layer.reasons[standard_error_key(key)] = unknown->second;
    }
  }
}

/// `bound_gap/<order>` and `efficiency/<order>`, of what goes through X.
void add_bound(LayerPoint& layer, std::string_view order, const bound::IbCurve& curve, std::int64_t anchors) {
  auto& metrics = layer.metrics;
  const auto through = through_key(order), x = complexity_key(order);
  if (!metrics.contains(through)) {
    return;
  }
  const auto gap = bound_gap_key(order), efficiency = efficiency_key(order);
  const auto add = [&](const std::string& gap_name, const std::string& efficiency_name, double complexity,
                       double value) {
    const double bound = std::isnan(complexity) ? kNaN : curve.efficiency_at(complexity, anchors);
    metrics[gap_name] = bound - value;
    metrics[efficiency_name] = bound > kInformationResolution ? value / bound : kNaN;
    return bound;
  };
  add(gap, efficiency, value_at(metrics, paired_key(order)), value_at(metrics, through));
  const bool has_null = !std::isnan(value_at(metrics, null_key(optimality_through_key(order))));
  add(null_key(gap), null_key(efficiency), has_null ? value_at(metrics, null_key(x)) : kNaN,
      value_at(metrics, null_key(through)));
  // Where the ratio is not known, neither is that to the curve.
  const auto ratio = corrected_key(optimality_through_key(order));
  const bool known = !std::isnan(value_at(metrics, ratio));
  const double complexity = known ? value_at(metrics, corrected_key(x)) : kNaN;
  const double value = value_at(metrics, corrected_key(through));
  const double bound = add(corrected_key(gap), corrected_key(efficiency), complexity, value);
  const double slope = known ? curve.slope_at(complexity * std::log(static_cast<double>(anchors))) : kNaN;
  metrics[standard_error_key(gap)] = known ? error_of_through(metrics, order, slope) : kNaN;
  metrics[standard_error_key(efficiency)] =
      known && bound > kInformationResolution ? error_of_through(metrics, order, value / bound * slope) / bound : kNaN;
  add_reasons(layer, through, ratio, known, {gap, efficiency});
}

}  // namespace

void add_curve_gap(LayerPoint& layer, std::string_view order, const bound::IbCurve& curve, std::int64_t anchors) {
  add_bound(layer, order, curve, anchors);
  auto& metrics = layer.metrics;
  const auto x = complexity_key(order);
  const auto y = expressivity_key(order);
  if (metrics.count(x) == 0 || metrics.count(y) == 0) {
    return;
  }
  const auto key = curve_gap_key(order);
  metrics[key] = curve.gap(value_at(metrics, x), value_at(metrics, y), anchors);
  if (metrics.count(null_key(x)) != 0 && metrics.count(null_key(y)) != 0) {
    metrics[null_key(key)] = curve.gap(value_at(metrics, null_key(x)), value_at(metrics, null_key(y)), anchors);
  }
  if (metrics.count(corrected_key(x)) == 0 || metrics.count(corrected_key(y)) == 0) {
    return;
  }
  const auto distance = corrected_key(distance_key(order));
  double gap = kNaN;
  double error = kNaN;
  if (!std::isnan(value_at(metrics, distance))) {
    const double complexity = value_at(metrics, corrected_key(x));
    const double slope = curve.slope_at(complexity * std::log(static_cast<double>(anchors)));
    gap = curve.gap(complexity, value_at(metrics, corrected_key(y)), anchors);
    error = error_of_difference(metrics, order, slope);
  } else if (const auto reason = layer.reasons.find(distance); reason != layer.reasons.end()) {
    layer.reasons[corrected_key(key)] = reason->second;
    layer.reasons[standard_error_key(key)] = reason->second;
  }
  metrics[corrected_key(key)] = gap;
  metrics[standard_error_key(key)] = error;
}

void add_curve_gap(Point& point, std::string_view order, const bound::IbCurve& curve, std::int64_t anchors) {
  std::vector<std::string> keys;
  for (const auto& key : {curve_gap_key(order), bound_gap_key(order), efficiency_key(order)}) {
    keys.insert(keys.end(), {key, null_key(key), corrected_key(key), standard_error_key(key)});
  }
  std::vector<LayerPoint> gaps;
  for (auto& layer : point.layers) {
    add_curve_gap(layer, order, curve, anchors);
    LayerPoint only;
    only.name = layer.name;
    for (const auto& name : keys) {
      if (const auto found = layer.metrics.find(name); found != layer.metrics.end()) {
        only.metrics.insert(*found);
      }
    }
    gaps.push_back(std::move(only));
  }
  for (const auto& [name, value] : mean_over_blocks(gaps)) {
    point.mean[name] = value;
  }
}

}  // namespace infoplane::plane
