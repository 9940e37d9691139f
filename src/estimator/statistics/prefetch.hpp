#pragma once

#include <cstddef>

namespace infoplane::estimator {

/// Asks for a row of `m` values before it is needed.
inline void prefetch_row(const float* row, std::size_t m) noexcept {
  constexpr std::size_t kLine = 16;  // floats
  for (std::size_t b = 0; b < m; b += kLine) {
    __builtin_prefetch(row + b);
  }
}

}  // namespace infoplane::estimator
