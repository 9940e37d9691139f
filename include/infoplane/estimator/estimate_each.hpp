#pragma once

#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/estimator/estimate.hpp>
#include <string>
#include <vector>

namespace infoplane::estimator {

/// One layer's accumulator of this rank.
struct NamedAccumulator {
  std::string name;                           ///< the layer
  const SoftEntropyAccumulator* accumulator;  ///< borrowed
};

/// What one layer's accumulator says.
struct NamedEstimate {
  std::string name;   ///< the layer
  Estimate estimate;  ///< what its accumulator says
};

/// The estimate of each layer, in their order: the same bits as one `estimate()` after the other, in less time. Layers
/// whose sums are on the host are estimated side by side on the threads of `at::parallel_for`, where that keeps more of
/// them busy than the layers do one by one; those on a GPU all start before the first is waited for. Not collective.
///
/// @throws StateError as `SoftEntropyAccumulator::update` does, and ArgumentError for a null accumulator.
std::vector<NamedEstimate> estimate_each(const std::vector<NamedAccumulator>& layers);

}  // namespace infoplane::estimator
