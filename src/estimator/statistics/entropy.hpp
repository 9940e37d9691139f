#pragma once

#include <algorithm>
#include <cmath>
#include <span>

namespace infoplane::estimator {

/// Whether the values can be sums of assignments: finite, and none below 0.
template <typename Values>
bool are_sums(const Values& values) noexcept {
  return std::all_of(values.begin(), values.end(), [](auto value) { return std::isfinite(value) && value >= 0; });
}

/// −Σ q_b log q_b with q = sums / Σ sums, in nats; NaN where the sums are zero.
double entropy_of_sums(std::span<const double> sums) noexcept;
double entropy_of_sums(std::span<const float> sums) noexcept;

}  // namespace infoplane::estimator
