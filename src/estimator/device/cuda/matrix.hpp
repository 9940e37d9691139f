#pragma once

#include "estimator/device/cuda/platform.hpp"

// float32 products on the tensor cores' bfloat16 instruction. A float32 x is the sum of three bfloat16 (8 bits of the
// fraction each) to its last bit: x ≈ x₀ + x₁ + x₂ with x₀ = bf16(x), x₁ = bf16(x − x₀), …; a float16 of two, exactly.
// The product of two such sums keeps the terms i + j < max(parts), the smallest first.
namespace infoplane::estimator::cuda {

/// Two bfloat16 in a register, the first in the low half.
__device__ __forceinline__ std::uint32_t pack(__nv_bfloat16 low, __nv_bfloat16 high) {
  std::uint16_t words[2];
  memcpy(words, &low, sizeof(std::uint16_t));
  memcpy(words + 1, &high, sizeof(std::uint16_t));
  return words[0] | (static_cast<std::uint32_t>(words[1]) << 16U);
}

/// words[p] = part p of x and of y.
template <int Parts>
__device__ __forceinline__ void split(float x, float y, std::uint32_t* words, int stride) {
#pragma unroll
  for (int part = 0; part < Parts; ++part) {
    const __nv_bfloat16 a = __float2bfloat16_rn(x);
    const __nv_bfloat16 b = __float2bfloat16_rn(y);
    words[part * stride] = pack(a, b);
    x -= to_float(a);
    y -= to_float(b);
  }
}

/// One lane's share of a [16, 16] times [16, 8] product, as mma.m16n8k16 deals them: with g = lane / 4 and t = lane %
/// 4, a = rows g, g + 8, g, g + 8 at depths 2t, 2t, 2t + 8, 2t + 8; b = column g at depths 2t, 2t + 8; two depths a
/// word.
template <int LeftParts, int RightParts>
struct Fragments {
  static constexpr int kOrders = LeftParts > RightParts ? LeftParts : RightParts;
  std::uint32_t a[LeftParts][4];
  std::uint32_t b[RightParts][2];
};

#ifdef __CUDACC__
__device__ __forceinline__ void multiply_bfloat16(float (&sum)[4], const std::uint32_t (&a)[4],
                                                  const std::uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// Adds the product to `sums`: rows g, g, g + 8, g + 8 and columns 2t, 2t + 1, 2t, 2t + 1. Tensor cores cut what they
/// add off instead of rounding it, so they only see sixteen depths at a time and the sum over depths is ordinary
/// float32.
template <int LeftParts, int RightParts>
__device__ __forceinline__ void multiply_add(float (&sums)[4], const Fragments<LeftParts, RightParts>& fragments) {
  float product[4] = {};
#pragma unroll
  for (int order = Fragments<LeftParts, RightParts>::kOrders - 1; order >= 0; --order) {
#pragma unroll
    for (int i = 0; i < LeftParts; ++i) {
      if (order - i >= 0 && order - i < RightParts) {
        multiply_bfloat16(product, fragments.a[i], fragments.b[order - i]);
      }
    }
  }
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    sums[c] += product[c];
  }
}
#else
inline float half_of(std::uint32_t word, int which) {
  return to_float(__nv_bfloat16{static_cast<std::uint16_t>(which == 0 ? word : word >> 16U)});
}

template <int LeftParts, int RightParts>
void multiply_add(float (&sums)[4], const Fragments<LeftParts, RightParts>& fragments) {
  const auto* const lanes = emulation::Scheduler::current().gather(fragments);
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int c = 0; c < 4; ++c) {
    const int column = lane % 4 * 2 + c % 2;
    float product = 0;
    for (int order = Fragments<LeftParts, RightParts>::kOrders - 1; order >= 0; --order) {
      for (int i = 0; i < LeftParts; ++i) {
        const int j = order - i;
        if (j < 0 || j >= RightParts) {
          continue;
        }
        for (int depth = 0; depth < 16; ++depth) {
          const int t = depth % 8 / 2;
          const std::uint32_t a = lanes[lane / 4 * 4 + t].a[i][c / 2 + depth / 8 * 2];
          const std::uint32_t b = lanes[column * 4 + t].b[j][depth / 8];
          product += half_of(a, depth % 2) * half_of(b, depth % 2);
        }
      }
    }
    sums[c] += product;
  }
}
#endif

}  // namespace infoplane::estimator::cuda
