#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <limits>
#include <utility>

#include "plane/bounds.hpp"
#include "plane/statistics.hpp"

namespace infoplane::plane {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double ratio(double numerator, double denominator) {
  return denominator > kInformationResolution ? numerator / denominator : kNaN;
}

/// Adds optimality and distance of each order that has both coordinates.
void add_optimality(Metrics& metrics) {
  for (const auto& order : orders_of(metrics)) {
    const auto value = ratio(metrics.at(expressivity_key(order)), metrics.at(complexity_key(order)));
    metrics.emplace(optimality_key(order), value);
    metrics.emplace(distance_key(order), 1 - value);
  }
}

/// Whether the two coordinates of an order are over other positions in a block.
bool over_other_positions(const std::vector<LayerPoint>& layers, const std::string& order) {
  return std::any_of(layers.begin(), layers.end(), [&](const LayerPoint& layer) {
    return layer.name != kEmbeddingLayer && are_of_other_positions(layer, order);
  });
}

/// Adds the ratios of means and their statistics.
void add_optimality_of_means(Metrics& means, const std::vector<LayerPoint>& layers) {
  for (const auto& order : orders_of(means)) {
    const auto optimality = "optimality_of_means/" + order;
    const auto distance = "distance_of_means/" + order;
    const auto x = complexity_key(order);
    const auto y = expressivity_key(order);
    if (over_other_positions(layers, order)) {
      for (const auto& key : {optimality, distance, corrected_key(optimality), corrected_key(distance)}) {
        means.emplace(key, kNaN);
      }
      continue;
    }
    const auto add = [&](std::string (*key)(std::string_view)) {
      if (means.contains(key(x)) && means.contains(key(y))) {
        const auto value = ratio(means.at(key(x)) > 0 ? means.at(key(y)) : kNaN, means.at(key(x)));
        means.emplace(key(optimality), value);
        means.emplace(key(distance), 1 - value);
      }
    };
    add([](std::string_view key) { return std::string(key); });
    add(null_key);
    add(corrected_key);
    if (!means.contains(standard_error_key(x)) || !means.contains(standard_error_key(y))) {
      continue;
    }
    const auto mean = means.at(corrected_key(x));
    if (!(mean > kNoiseErrors * means.at(standard_error_key(x)))) {
      for (const auto& key : {optimality, distance}) {
        means.insert_or_assign(corrected_key(key), kNaN);
      }
    }
    const auto corrected = means.at(corrected_key(optimality));
    double error = 0;
    double blocks = 0;
    for (const auto& layer : layers) {
      if (layer.name != kEmbeddingLayer) {
        error += error_of_difference(layer.metrics, order, corrected);
        ++blocks;
      }
    }
    const auto draws = means.find(draw_error_key(optimality_key(order)));
    for (const auto& key : {optimality, distance}) {
      means.emplace(standard_error_key(key), error / blocks / mean);
      if (draws != means.end()) {  // nearly that of the mean ratio
        means.emplace(draw_error_key(key), std::fmin(draws->second, error / blocks / mean));
      }
    }
  }
}

}  // namespace

LayerPoint layer_point(std::string name, const estimator::Estimate& estimate) {
  INFOPLANE_CHECK(estimate.anchors >= 2, ArgumentError, "layer \"", name, "\" was estimated with ", estimate.anchors,
                  " anchors: efficiencies need at least 2");
  const auto scale = std::log(static_cast<double>(estimate.anchors));
  LayerPoint point{std::move(name), estimate.tokens, estimate.rejected, {}, {}, estimate.sequences};
  auto& metrics = point.metrics;
  metrics.emplace("H(Z)", estimate.tokens > 0 ? estimate.entropy_nats / scale : kNaN);
  if (!std::isnan(estimate.mean_direction)) {
    metrics.emplace(anchors_in_use_key(), std::exp(estimate.entropy_nats));
    metrics.emplace(mean_direction_key(), estimate.mean_direction);
  }
  for (const auto& set : estimate.sets) {
    const auto information = set.tokens > 0 ? set.information_nats / scale : kNaN;
    const bool added = metrics.emplace(information_key(set.name), information).second;
    INFOPLANE_CHECK(added, ArgumentError, "layer \"", point.name, "\" has two estimates for the label set \"", set.name,
                    "\": give each set its own name");
    if (!is_output(set.name)) {
      metrics.emplace(regularity_key(set.name), ratio(information, set.entropy_nats / scale));
    }
  }
  add_optimality(metrics);
  add_statistics(point, estimate, scale);
  return point;
}

Metrics mean_over_blocks(const std::vector<LayerPoint>& layers) {
  struct Sum {
    double total = 0;
    std::int64_t layers = 0;
  };
  std::map<std::string, Sum, std::less<>> sums;
  std::int64_t blocks = 0;
  for (const auto& layer : layers) {
    if (layer.name == kEmbeddingLayer) {
      continue;
    }
    ++blocks;
    for (const auto& [key, value] : layer.metrics) {
      auto& sum = sums[key];
      sum.total += value;
      ++sum.layers;
    }
  }
  Metrics means;
  for (const auto& [key, sum] : sums) {
    means.emplace(key, sum.layers == blocks ? sum.total / static_cast<double>(blocks) : kNaN);
  }
  add_optimality_of_means(means, layers);
  return means;
}

}  // namespace infoplane::plane
