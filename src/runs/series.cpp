#include "runs/series.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/draws.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <limits>
#include <set>
#include <unordered_set>

namespace infoplane::runs {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

std::vector<std::string> splits_of(const std::vector<plane::Point>& points, std::vector<std::string> first) {
  auto splits = std::move(first);
  std::set<std::string> seen;
  for (const auto& point : points) {
    if (seen.insert(point.split).second && std::find(splits.begin(), splits.end(), point.split) == splits.end()) {
      splits.push_back(point.split);
    }
  }
  std::erase_if(splits, [&](const std::string& split) { return !seen.contains(split); });
  return splits;
}

std::string main_split(const std::vector<plane::Point>& points) {
  const auto splits = splits_of(points);
  return splits.empty() ? "heldout" : splits.front();
}

std::vector<std::string> orders_of(std::span<const plane::Point> points) {
  std::set<std::string> found, named;
  for (const auto& point : points) {
    for (const auto& name : plane::named_outputs_of(point.mean)) {
      named.insert(plane::output_set(name));
    }
    for (auto& order : plane::orders_of(point.mean)) {
      found.insert(std::move(order));
    }
  }
  std::vector<std::string> orders;
  for (const auto* known : {"unigram", "bigram", "trigram", "quadgram"}) {
    if (found.erase(known) > 0) {
      orders.emplace_back(known);
    }
  }
  orders.insert(orders.end(), found.begin(), found.end());
  orders.insert(orders.end(), named.begin(), named.end());
  return orders;
}

std::string order_of(std::span<const plane::Point> points, const std::string& name) {
  const auto orders = orders_of(points);
  const auto has = [&](const std::string& order) {
    return std::find(orders.begin(), orders.end(), order) != orders.end();
  };
  if (!has(name) && has(plane::output_set(name))) {
    return plane::output_set(name);
  }
  if (name != plane::kOrders.front()) {
    return name;
  }
  const auto any_has = [&](const std::string& key) {
    return std::any_of(points.begin(), points.end(), [&](const plane::Point& each) { return each.mean.contains(key); });
  };
  if (orders.empty()) {
    return any_has(plane::context_key()) && !any_has(plane::complexity_key(name)) ? plane::output_set("") : name;
  }
  return plane::is_named_output(orders.front()) ? orders.front() : name;
}

std::string names_of(const std::vector<std::string>& orders) {
  std::vector<std::string> names;
  for (const auto& order : orders) {
    names.emplace_back(plane::name_of_set(order));
  }
  return detail::join(names);
}

std::vector<std::string> layers_of(const std::vector<plane::Point>& points) {
  std::vector<std::string> names;
  std::unordered_set<std::string> seen;
  for (const auto& point : points) {
    for (const auto& layer : point.layers) {
      if (seen.insert(layer.name).second) {
        names.push_back(layer.name);
      }
    }
  }
  return names;
}

std::vector<LayersByName> layers_by_name(const Points& points) {
  std::vector<LayersByName> found;
  found.reserve(points.size());
  for (const auto* point : points) {
    auto& layers = found.emplace_back();
    for (const auto& layer : point->layers) {
      layers.emplace(layer.name, &layer);
    }
  }
  return found;
}

Points points_of(const std::vector<plane::Point>& points, const std::string& split) {
  Points found;
  for (const auto& point : points) {
    if (point.split == split) {
      found.push_back(&point);
    }
  }
  return found;
}

Points thinned(const Points& points, std::size_t most) {
  if (points.size() <= most) {
    return points;
  }
  Points kept;
  for (std::size_t i = 0; i < most; ++i) {
    kept.push_back(points[i * (points.size() - 1) / (most - 1)]);
  }
  return kept;
}

Points with_layers(const Points& points) {
  Points found;
  std::copy_if(points.begin(), points.end(), std::back_inserter(found),
               [](const plane::Point* point) { return !point->layers.empty(); });
  return found;
}

plane::ShownMetric common_metric(const std::string& key, const std::vector<const std::vector<plane::Point>*>& runs,
                                 const std::string& split) {
  plane::ShownMetric common{key, false};
  for (const auto* points : runs) {
    auto shown = plane::shown_metric(key, *points, split);
    const bool has = shown.key != key || std::any_of(points->begin(), points->end(), [&](const plane::Point& point) {
                       return (split.empty() || point.split == split) && point.mean.contains(key);
                     });
    if (has && shown.key == key) {
      return shown;
    }
    if (has) {
      common = std::move(shown);
    }
  }
  return common;
}

Sample sample_of(std::int64_t step, const plane::Metrics& metrics, const plane::ShownMetric& shown) {
  return {step, plane::value_at(metrics, shown.key), plane::error_within_run(metrics, shown.key)};
}

plane::Series means_of(const Points& points, const plane::ShownMetric& shown) {
  plane::Series samples;
  samples.reserve(points.size());
  for (const auto* point : points) {
    samples.push_back(
        {point->step, plane::value_at(point->mean, shown.key), plane::error_within_run(point->mean, shown.key)});
  }
  return samples;
}

plane::Series losses_of(const Points& points) {
  plane::Series samples;
  for (const auto* point : points) {
    samples.push_back({point->step, point->loss, kNaN});
  }
  return samples;
}

std::string undefined_reason(const plane::Point& point, const std::string& key) {
  const auto mean = point.mean.find(key);
  if (mean == point.mean.end()) {
    return "it was not measured there";
  }
  for (const auto& layer : point.layers) {
    const auto reason = layer.reasons.find(key);
    if (layer.name != plane::kEmbeddingLayer && reason != layer.reasons.end()) {
      return layer.name + ": " + reason->second;
    }
  }
  for (const auto& layer : point.layers) {
    if (layer.name != plane::kEmbeddingLayer && !std::isfinite(plane::value_at(layer.metrics, key))) {
      return layer.name + " has no finite value";
    }
  }
  return std::isnan(mean->second) ? "the file gives no reason" : "it is infinite there";
}

Ending ending_of(const Points& points, const plane::ShownMetric& shown) {
  if (points.empty()) {
    return {};
  }
  Ending ending{points.back()->step, std::nullopt, ""};
  const auto samples = means_of(points, shown);
  if (const auto* last = last_finite(samples)) {
    ending.last_defined = *last;
  }
  if (!std::isfinite(samples.back().value)) {
    ending.reason = undefined_reason(*points.back(), shown.key);
  }
  return ending;
}

Ending ending_of_loss(const Points& points) {
  if (points.empty()) {
    return {};
  }
  Ending ending{points.back()->step, std::nullopt, ""};
  const auto losses = losses_of(points);
  if (const auto* last = last_finite(losses)) {
    ending.last_defined = *last;
  }
  const auto loss = losses.back().value;
  if (!std::isfinite(loss)) {
    ending.reason = std::isnan(loss) ? "it is NaN there, or none was given" : "it is infinite there";
  }
  return ending;
}

const Sample* first_finite(const plane::Series& samples) {
  const auto found =
      std::find_if(samples.begin(), samples.end(), [](const Sample& each) { return std::isfinite(each.value); });
  return found == samples.end() ? nullptr : &*found;
}

const Sample* last_finite(const plane::Series& samples) {
  const auto found =
      std::find_if(samples.rbegin(), samples.rend(), [](const Sample& each) { return std::isfinite(each.value); });
  return found == samples.rend() ? nullptr : &*found;
}

const Sample* surest(const plane::Series& samples, bool smaller_is_better) {
  const bool any_error = std::any_of(samples.begin(), samples.end(), [](const Sample& each) {
    return std::isfinite(each.value) && std::isfinite(each.standard_error);
  });
  const auto sure = [&](const Sample& each) {
    const auto noise = any_error ? 2 * each.standard_error : 0.0;
    return smaller_is_better ? each.value + noise : -each.value + noise;
  };
  const Sample* found = nullptr;
  for (const auto& each : samples) {
    if (std::isfinite(each.value) && std::isfinite(sure(each)) && (found == nullptr || sure(each) < sure(*found))) {
      found = &each;
    }
  }
  return found;
}

double vague_error(const plane::Series& samples) {
  std::vector<double> values;
  bool known = false;
  for (const auto& each : samples) {
    if (std::isfinite(each.value)) {
      values.push_back(each.value);
      known = known || std::isfinite(each.standard_error);
    }
  }
  if (!known || values.size() < 5) {
    return std::numeric_limits<double>::infinity();
  }
  std::sort(values.begin(), values.end());
  const auto range = values[values.size() - 1 - values.size() / 10] - values[values.size() / 10];
  return range > 0 ? range : std::numeric_limits<double>::infinity();
}

std::string metric_key(const std::string& metric, const std::string& order) {
  if (metric == "complexity") {
    return plane::complexity_key(order);
  }
  if (metric == "expressivity") {
    return plane::expressivity_key(order);
  }
  if (metric == "optimality") {
    return plane::optimality_key(order);
  }
  INFOPLANE_CHECK(metric == "distance", ArgumentError, "there is no metric \"", metric,
                  "\": give optimality, complexity, expressivity or distance");
  return plane::distance_key(order);
}

}  // namespace infoplane::runs
