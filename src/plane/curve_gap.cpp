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

}  // namespace

void add_curve_gap(LayerPoint& layer, std::string_view order, const bound::IbCurve& curve, std::int64_t anchors) {
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
  const auto key = curve_gap_key(order);
  std::vector<LayerPoint> gaps;
  for (auto& layer : point.layers) {
    add_curve_gap(layer, order, curve, anchors);
    LayerPoint only;
    only.name = layer.name;
    for (const auto& name : {key, null_key(key), corrected_key(key), standard_error_key(key)}) {
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
