#include <algorithm>
#include <array>
#include <cstdint>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/shown_metric.hpp>

namespace infoplane::plane {
namespace {

/// How many of the things that are shown have a metric, and its correction.
struct Count {
  std::int64_t plain = 0, corrected = 0;

  void add(const Metrics& metrics, std::string_view key, const std::string& better) {
    const bool has_better = metrics.contains(better);
    corrected += has_better ? 1 : 0;
    plain += has_better || metrics.contains(key) ? 1 : 0;
  }
};

ShownMetric chosen(std::string_view key, std::string better, const Count& count) {
  if (count.corrected > 0 && 2 * count.corrected >= count.plain) {
    return {std::move(better), false};
  }
  return {std::string(key), count.plain > 0 && is_plug_in(key)};
}

}  // namespace

std::string ShownMetric::label(std::string_view name) const {
  auto text = std::string(name);
  return plug_in ? text.append(" (plug-in)") : text;
}

ShownMetric shown_metric(std::string_view key, const Metrics& metrics) {
  Count count;
  auto better = corrected_key(key);
  count.add(metrics, key, better);
  return chosen(key, std::move(better), count);
}

ShownMetric shown_metric(std::string_view key, const Point& point) {
  if (!point.mean.empty()) {
    return shown_metric(key, point.mean);
  }
  Count count;
  auto better = corrected_key(key);
  for (const auto& layer : point.layers) {
    count.add(layer.metrics, key, better);
  }
  return chosen(key, std::move(better), count);
}

ShownMetric shown_metric(std::string_view key, const std::vector<Point>& points, std::string_view split,
                         std::string_view layer) {
  Count count;
  auto better = corrected_key(key);
  for (const auto& point : points) {
    if (!split.empty() && point.split != split) {
      continue;
    }
    if (layer.empty()) {
      count.add(point.mean, key, better);
    } else if (const auto* of_layer = point.layer(layer)) {
      count.add(of_layer->metrics, key, better);
    }
  }
  return chosen(key, std::move(better), count);
}

bool is_plug_in(std::string_view key) noexcept {
  constexpr std::array<std::string_view, 13> kFamilies = {"I(X;Z)/",
                                                          "I(Y;Z)/",
                                                          "regularity/",
                                                          "optimality/",
                                                          "distance/",
                                                          "optimality_of_means/",
                                                          "distance_of_means/",
                                                          "curve_gap/",
                                                          "share/",
                                                          "optimality_through/",
                                                          "bound_gap/",
                                                          "efficiency/",
                                                          "predicted/"};
  constexpr std::array<std::string_view, 4> kStatistics = {"/corrected", "/null", "/standard_error", "/draw_error"};
  const bool estimate = key == "H(Z)" || std::any_of(kFamilies.begin(), kFamilies.end(),
                                                     [&](std::string_view family) { return key.starts_with(family); });
  return estimate && std::none_of(kStatistics.begin(), kStatistics.end(),
                                  [&](std::string_view statistic) { return key.ends_with(statistic); });
}

}  // namespace infoplane::plane
