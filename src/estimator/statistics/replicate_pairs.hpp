#pragma once

#include <array>
#include <cstddef>

namespace infoplane::estimator {

/// The pairs of the four parts; two that follow each other halve a label.
inline constexpr std::array<std::array<std::size_t, 2>, 6> kReplicatePairs = {
    {{0, 2}, {1, 3}, {0, 1}, {2, 3}, {0, 3}, {1, 2}}};

}  // namespace infoplane::estimator
