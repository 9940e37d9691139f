#pragma once

#include <infoplane/estimator/estimate.hpp>
#include <infoplane/plane/point.hpp>

namespace infoplane::plane {

/// Adds what layer_point documents beside the plug-in values, which are there already; efficiencies are nats / `scale`.
void add_statistics(LayerPoint& point, const estimator::Estimate& estimate, double scale);

}  // namespace infoplane::plane
