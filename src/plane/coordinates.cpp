#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <limits>
#include <utility>

namespace infoplane::plane {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kComplexityPrefix = "I(X;Z)/input_";

double ratio(double numerator, double denominator) {
  return denominator > kInformationResolution ? numerator / denominator : kNaN;
}

/// Adds <optimality>/order and <distance>/order for each order that has both coordinates.
void add_optimality(Metrics& metrics, const std::string& optimality, const std::string& distance) {
  Metrics added;
  for (auto x = metrics.lower_bound(kComplexityPrefix); x != metrics.end() && x->first.starts_with(kComplexityPrefix);
       ++x) {
    const auto order = x->first.substr(kComplexityPrefix.size());
    const auto y = metrics.find(expressivity_key(order));
    if (y != metrics.end()) {
      const auto value = ratio(y->second, x->second);
      added.emplace(optimality + order, value);
      added.emplace(distance + order, 1 - value);
    }
  }
  metrics.merge(added);
}

}  // namespace

LayerPoint layer_point(std::string name, const estimator::Estimate& estimate) {
  INFOPLANE_CHECK(estimate.anchors >= 2, ArgumentError, "layer \"", name, "\" was estimated with ", estimate.anchors,
                  " anchors: efficiencies need at least 2");
  const auto scale = std::log(static_cast<double>(estimate.anchors));
  LayerPoint point{std::move(name), estimate.tokens, estimate.rejected, {}};
  auto& metrics = point.metrics;
  metrics.emplace("H(Z)", estimate.tokens > 0 ? estimate.entropy_nats / scale : kNaN);
  for (const auto& set : estimate.sets) {
    const auto information = set.tokens > 0 ? set.information_nats / scale : kNaN;
    const bool added = metrics.emplace(information_key(set.name), information).second;
    INFOPLANE_CHECK(added, ArgumentError, "layer \"", point.name, "\" has two estimates for the label set \"", set.name,
                    "\": give each set its own name");
    if (!set.name.starts_with("output_")) {
      metrics.emplace("regularity/" + set.name, ratio(information, set.entropy_nats / scale));
    }
  }
  add_optimality(metrics, "optimality/", "distance/");
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
  add_optimality(means, "optimality_of_means/", "distance_of_means/");
  return means;
}

}  // namespace infoplane::plane
