#pragma once

#include <algorithm>
#include <cstdint>
#include <infoplane/hooks/site.hpp>
#include <string>
#include <vector>

#include "monitor/axis_orders.hpp"

namespace infoplane {

/// What the splits of a monitor learnt of its model in common.
struct ModelFacts {
  explicit ModelFacts(const MonitorOptions& options)
      : orders(options), window(std::max<std::int64_t>(1, options.window())) {}

  void forget() noexcept {
    orders.forget();
    last_site.clear();
  }

  /// What messages speak of.
  void watch(const std::vector<hooks::Site>& watched) {
    sites.clear();
    stacks.clear();
    for (const auto& site : watched) {
      sites.push_back(site.name);
      if (belongs_to_stack(site) && std::find(stacks.begin(), stacks.end(), site.stack) == stacks.end()) {
        stacks.push_back(site.stack);
      }
    }
  }

  AxisOrders orders;
  std::int64_t window = 1;          ///< of the train split; with MonitorOptions::window(0) known after its first point
  std::string last_site;            ///< at which a whole forward ends; empty before the first
  std::vector<std::string> sites;   ///< names of all that are watched
  std::vector<std::string> stacks;  ///< that they are of
};

}  // namespace infoplane
