#include "sinks/series.hpp"

#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <limits>
#include <set>
#include <unordered_set>

namespace infoplane::sinks {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <typename Better>
const Sample* extreme(const plane::Series& samples, const Better& better) {
  const Sample* found = nullptr;
  for (const auto& each : samples) {
    if (std::isfinite(each.value) && (found == nullptr || better(each.value, found->value))) {
      found = &each;
    }
  }
  return found;
}

}  // namespace

std::vector<std::string> streams_of(const std::vector<plane::Point>& points, std::vector<std::string> first) {
  auto streams = std::move(first);
  std::set<std::string> seen;
  for (const auto& point : points) {
    if (seen.insert(point.stream).second && std::find(streams.begin(), streams.end(), point.stream) == streams.end()) {
      streams.push_back(point.stream);
    }
  }
  std::erase_if(streams, [&](const std::string& stream) { return !seen.contains(stream); });
  return streams;
}

std::string main_stream(const std::vector<plane::Point>& points) {
  const auto streams = streams_of(points);
  return streams.empty() ? "heldout" : streams.front();
}

std::vector<std::string> orders_of(const std::vector<plane::Point>& points) {
  std::set<std::string> found;
  for (const auto& point : points) {
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
  return orders;
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

Points points_of(const std::vector<plane::Point>& points, const std::string& stream) {
  Points found;
  for (const auto& point : points) {
    if (point.stream == stream) {
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

std::string shown_key(const std::vector<plane::Point>& points, const std::string& key) {
  auto corrected = plane::corrected_key(key);
  const bool any = std::any_of(points.begin(), points.end(),
                               [&](const plane::Point& point) { return point.mean.contains(corrected); });
  return any ? corrected : key;
}

Sample sample_of(std::int64_t step, const plane::Metrics& metrics, const std::string& shown, const std::string& key) {
  return {step, plane::value_at(metrics, shown), plane::value_at(metrics, plane::standard_error_key(key))};
}

plane::Series means_of(const Points& points, const std::string& shown, const std::string& key) {
  const auto error = plane::standard_error_key(key);
  plane::Series samples;
  samples.reserve(points.size());
  for (const auto* point : points) {
    samples.push_back({point->step, plane::value_at(point->mean, shown), plane::value_at(point->mean, error)});
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

const Sample* largest(const plane::Series& samples) {
  return extreme(samples, [](double a, double b) { return a > b; });
}

const Sample* smallest(const plane::Series& samples) {
  return extreme(samples, [](double a, double b) { return a < b; });
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

}  // namespace infoplane::sinks
