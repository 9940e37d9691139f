#pragma once

#include <cstdint>

// C++17 for nvcc's sake.
namespace infoplane::estimator {

/// Sums of unit vectors are whole numbers of 1 / kDirectionUnit. Whole numbers add up to the same sum in whatever order
/// they come, so equal tokens give equal bits in any batches, threads or ranks. What is rounded away is 2.4e-7 of the
/// length of a row at most, in each dimension, and averages out.
constexpr double kDirectionUnit = 2097152.0;  // 2^21: a float32 holds any of these numbers, and 2^42 rows an int64

}  // namespace infoplane::estimator
