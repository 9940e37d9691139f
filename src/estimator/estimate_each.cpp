#include <infoplane/core/error.hpp>
#include <infoplane/estimator/estimate_each.hpp>

#include "estimator/accumulator_impl.hpp"
#include "estimator/parallel_for_each.hpp"

namespace infoplane::estimator {

std::vector<NamedEstimate> estimate_each(const std::vector<NamedAccumulator>& layers) {
  std::vector<NamedEstimate> results;
  std::vector<std::size_t> on_host, on_device;
  for (const auto& [name, accumulator] : layers) {
    INFOPLANE_CHECK(accumulator != nullptr, ArgumentError, "the accumulator of layer \"", name, "\" is a null pointer");
    accumulator->prepare_estimate();
    (accumulator->impl_->device ? on_device : on_host).push_back(results.size());
    results.push_back({name, {}});
  }
  const auto estimate = [&](std::size_t i) { results[i].estimate = layers[i].accumulator->estimate(); };
  parallel_for_each(on_host.size(), [&](std::size_t i) { estimate(on_host[i]); });
  for (const std::size_t i : on_device) {  // one by one: a thread has its own current stream
    estimate(i);
  }
  return results;
}

}  // namespace infoplane::estimator
