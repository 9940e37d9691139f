#pragma once

#include <infoplane/estimator/estimate.hpp>
#include <infoplane/plane/point.hpp>
#include <string_view>

namespace infoplane::plane {

/// Adds what layer_point documents beside the plug-in values, which are there already; efficiencies are nats / `scale`.
void add_statistics(LayerPoint& point, const estimator::Estimate& estimate, double scale);

/// What is known of two values x, y of a layer and of y / x.
struct RatioErrors {
  double x, error_x, error_y, ratio, error_ratio;
};

/// Standard error of y − r · x, from the covariance that the error of the ratio tells; without that an upper bound.
double error_of_combination(const RatioErrors& of, double r);

/// Standard error of I(Y;Z) − r · I(X;Z) in one layer, from those of I(X;Z), I(Y;Z) and their ratio, which tells the
/// covariance; without that of the ratio an upper bound.
double error_of_difference(const Metrics& layer, std::string_view order, double r);

}  // namespace infoplane::plane
