#include <algorithm>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/plane/point.hpp>
#include <limits>
#include <utility>

namespace infoplane::plane {

double value_at(const Metrics& metrics, std::string_view key) noexcept {
  const auto found = metrics.find(key);
  return found == metrics.end() ? std::numeric_limits<double>::quiet_NaN() : found->second;
}

namespace {

/// "bigram|unigram" and its like.
bool is_increment(std::string_view order) {
  const auto bar = order.find('|');
  const auto below = bar == std::string_view::npos ? "" : order.substr(bar + 1);
  return std::find(kOrders.begin(), kOrders.end() - 1, below) != kOrders.end() - 1;
}

}  // namespace

std::vector<std::string> orders_of(const Metrics& metrics) {
  const std::string prefix = complexity_key("");
  std::vector<std::string> orders;
  for (auto x = metrics.lower_bound(prefix); x != metrics.end() && x->first.starts_with(prefix); ++x) {
    auto order = x->first.substr(prefix.size());
    if (order.find('/') == std::string::npos && !is_increment(order) && metrics.contains(expressivity_key(order))) {
      orders.push_back(std::move(order));
    }
  }
  return orders;
}

std::vector<std::string> named_outputs_of(const Metrics& metrics) {
  constexpr std::string_view kPrefix = "I(Y;Z)/";
  std::vector<std::string> names;
  for (auto y = metrics.lower_bound(kPrefix); y != metrics.end() && y->first.starts_with(kPrefix); ++y) {
    auto name = y->first.substr(kPrefix.size());
    const bool is_plain = name.find('/') == std::string::npos;
    if (is_plain && metrics.contains(distance_key(name)) && metrics.contains(share_key(name)) &&
        !metrics.contains(optimality_key(name))) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

const LayerPoint* Point::layer(std::string_view name) const noexcept {
  const auto found =
      std::find_if(layers.begin(), layers.end(), [&](const LayerPoint& each) { return each.name == name; });
  if (found != layers.end()) {
    return &*found;
  }
  const auto group =
      std::find_if(groups.begin(), groups.end(), [&](const LayerPoint& each) { return each.name == name; });
  return group == groups.end() ? nullptr : &*group;
}

}  // namespace infoplane::plane
