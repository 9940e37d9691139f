#pragma once

#include <span>

namespace infoplane::estimator {

/// −Σ q_b log q_b with q = sums / Σ sums, in nats; NaN where the sums are zero.
double entropy_of_sums(std::span<const double> sums) noexcept;
double entropy_of_sums(std::span<const float> sums) noexcept;

}  // namespace infoplane::estimator
