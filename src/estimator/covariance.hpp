#pragma once

#include <infoplane/estimator/estimate.hpp>
#include <span>
#include <vector>

#include "estimator/reservoir.hpp"

namespace infoplane::estimator {

/// Covariances of values from their influences on the rows of a sample: value − truth = Σ influence over all `tokens`
/// rows of the stream. Influences are centred here. A pair of different rows of one sequence is in the sample less
/// often than one row, and counts for more.
Covariance covariance(const Reservoir& sample, std::int64_t tokens, std::vector<std::vector<double>> influences);

}  // namespace infoplane::estimator
