#pragma once

#include <cstdint>

// Vectors of L floats in the compiler's own vector types. Everything is inlined into functions that are compiled for
// one instruction set each, so nothing here may be called out of line.
#define INFOPLANE_INLINE [[gnu::always_inline]] inline

namespace infoplane::estimator::kernels {

template <int L>
struct Lanes {
  using Float [[gnu::vector_size(L * sizeof(float))]] = float;
  using Int [[gnu::vector_size(L * sizeof(std::int32_t))]] = std::int32_t;

  INFOPLANE_INLINE static Float load(const float* from) {
    Float value;
    __builtin_memcpy(&value, from, sizeof(value));
    return value;
  }
  INFOPLANE_INLINE static void store(float* to, const Float& value) { __builtin_memcpy(to, &value, sizeof(value)); }
  INFOPLANE_INLINE static Float max(const Float& a, const Float& b) { return a > b ? a : b; }
  INFOPLANE_INLINE static float max_of(const Float& value) {
    float part[L];
    __builtin_memcpy(part, &value, sizeof(part));
    for (int width = L / 2; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) {
        part[i] = part[i] < part[i + width] ? part[i + width] : part[i];
      }
    }
    return part[0];
  }
  INFOPLANE_INLINE static float sum_of(const Float& value) {
    float part[L];
    __builtin_memcpy(part, &value, sizeof(part));
    for (int width = L / 2; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) {
        part[i] += part[i + width];
      }
    }
    return part[0];
  }

  /// e^x for x ≤ 0, relative error below 2e-7; below −87 it stays at e^−87.
  INFOPLANE_INLINE static Float exp(const Float& argument) {
    const Float x = max(argument, Float{} - 87.0F);
    // Adding 1.5 · 2^23 leaves the nearest integer of x / log 2 in the low bits.
    constexpr float kRound = 12582912.0F;
    const Float rounded = x * 1.44269504F + kRound;
    const Float n = rounded - kRound;
    const Float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
    Float poly = r * (1.0F / 5040) + 1.0F / 720;
    poly = poly * r + 1.0F / 120;
    poly = poly * r + 1.0F / 24;
    poly = poly * r + 1.0F / 6;
    poly = poly * r + 0.5F;
    poly = poly * r + 1.0F;
    poly = poly * r + 1.0F;
    Int exponent;
    Int bits;
    __builtin_memcpy(&exponent, &rounded, sizeof(exponent));
    __builtin_memcpy(&bits, &poly, sizeof(bits));
    bits += (exponent - 0x4B400000) << 23;
    __builtin_memcpy(&poly, &bits, sizeof(poly));
    return poly;
  }
};

}  // namespace infoplane::estimator::kernels
