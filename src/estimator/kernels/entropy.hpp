#pragma once

#include <cstdint>
#include <span>

namespace infoplane::estimator::kernels {

/// Σ s log s over sums that are 0 or above, with 0 log 0 = 0; in float64, relative error of a logarithm below 1e-13.
double sum_of_logs(const double* sums, std::int64_t count) noexcept;
double sum_of_logs(const float* sums, std::int64_t count) noexcept;

/// out_b = log(sums_b · scale); −708 for sums that are 0.
void logarithms(const double* sums, std::int64_t count, double scale, double* out) noexcept;

}  // namespace infoplane::estimator::kernels
