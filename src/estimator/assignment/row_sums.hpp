#pragma once

#include <cstdint>

#include "estimator/assignment/direction_sums.hpp"
#include "estimator/assignment/lanes.hpp"

// Sums of unit vectors, of not more than 500 rows in an int32, that lie in the first cache because their scores were
// just computed.
namespace infoplane::estimator::kernels {

inline constexpr int kBlockRows = 48;  // rows that share a piece of a panel while it lies in the first cache

/// Rows whose scores are computed together.
struct Block {
  const float* rows[kBlockRows];
  float scales[kBlockRows];
  float units[kBlockRows];  // kDirectionUnit / |row|
  std::int64_t numbers[kBlockRows];
  int filled = 0;
};

/// Added to a number up to 2^22, it leaves the nearest integer in the low bits.
constexpr float kRoundToInteger = 12582912.0F;  // 1.5 · 2^23
constexpr std::uint32_t kBitsOfThat = 0x4B400000U;

/// Adds to sums[0, V·L) the dimensions from `begin` on of the unit vectors of a block.
template <int L, int V>
INFOPLANE_INLINE void add_directions(const Block& block, std::int64_t begin, std::int32_t* sums) {
  using Float = typename Lanes<L>::Float;
  using Unsigned [[gnu::vector_size(L * sizeof(float))]] = std::uint32_t;
  Unsigned totals[V] = {};
  for (int r = 0; r < block.filled; ++r) {
    const float* const row = block.rows[r] + begin;
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      const Float shifted = Lanes<L>::load(row + v * L) * block.units[r] + kRoundToInteger;
      Unsigned bits;
      __builtin_memcpy(&bits, &shifted, sizeof(bits));
      totals[v] += bits;
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    Unsigned before;
    __builtin_memcpy(&before, sums + v * L, sizeof(before));
    before += totals[v] - kBitsOfThat * static_cast<std::uint32_t>(block.filled);
    __builtin_memcpy(sums + v * L, &before, sizeof(before));
  }
}

/// Adds the dimensions begin … end of a block's rows to sums [d] of unit vectors, while they lie in the first cache.
template <int L>
INFOPLANE_INLINE void add_unit_vectors(const Block& block, std::int64_t begin, std::int64_t end, std::int32_t* sums) {
  std::int64_t k = begin;
  for (; k + 6 * L <= end; k += 6 * L) {
    add_directions<L, 6>(block, k, sums + k);
  }
  for (; k + L <= end; k += L) {
    add_directions<L, 1>(block, k, sums + k);
  }
  for (; k < end; ++k) {
    for (int r = 0; r < block.filled; ++r) {
      const float shifted = block.rows[r][k] * block.units[r] + kRoundToInteger;
      std::uint32_t bits = 0;
      __builtin_memcpy(&bits, &shifted, sizeof(bits));
      sums[k] += static_cast<std::int32_t>(bits - kBitsOfThat);
    }
  }
}

}  // namespace infoplane::estimator::kernels
