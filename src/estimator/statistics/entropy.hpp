#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

namespace infoplane::estimator {

/// Whether the values can be sums of assignments: finite, and none below 0.
template <typename Values>
bool are_sums(const Values& values) noexcept {
  return std::all_of(values.begin(), values.end(), [](auto value) { return std::isfinite(value) && value >= 0; });
}

/// Whether it can be Σ H(p) of so many assignments: between 0 and log m each, but for rounding; NaN is "not known".
inline bool are_row_entropies(double sum, std::int64_t tokens, std::int64_t anchors) noexcept {
  const double most = static_cast<double>(tokens) * std::log(static_cast<double>(anchors));
  return std::isnan(sum) || (sum >= -1e-3 && sum <= most * (1 + 1e-3) + 1e-3);
}

/// −Σ q_b log q_b with q = sums / Σ sums, in nats; NaN where the sums are zero.
double entropy_of_sums(std::span<const double> sums) noexcept;
double entropy_of_sums(std::span<const float> sums) noexcept;

}  // namespace infoplane::estimator
