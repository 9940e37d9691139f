#pragma once

#include <cstdint>

// Vectors of L floats in the compiler's own vector types. Everything is inlined into functions that are compiled for
// one instruction set each, so nothing here may be called out of line.
#define INFOPLANE_INLINE [[gnu::always_inline]] inline

namespace infoplane::estimator::kernels {

/// The first `count` < L values; the rest is zero. Without a call: that would cost more than the rest of a row.
template <int L, typename T>
INFOPLANE_INLINE void copy_first(const T* from, std::int64_t count, T (&part)[L]) {
  std::int64_t i = 0;
  for (int width = L / 2; width > 0; width /= 2) {
    if ((count & width) != 0) {
      for (int k = 0; k < width; ++k, ++i) {
        part[i] = from[i];
      }
    }
  }
}

template <typename T>
inline constexpr T kNumbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

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
  /// What is left of `count` values when whole vectors from the first on are taken away, in some lanes; the others are
  /// zero. Of a row that fills a vector without going through memory.
  INFOPLANE_INLINE static Float load_end(const float* from, std::int64_t count) {
    if (count < L) {
      float part[L] = {};
      copy_first(from, count, part);
      return load(part);
    }
    const Float value = load(from + count - L);
    return end_mask(count) != 0 ? value : Float{};
  }
  /// Writes such a vector to where it was loaded from.
  INFOPLANE_INLINE static void store_end(float* to, const Float& value, std::int64_t count) {
    if (count < L) {
      float part[L];
      store(part, value);
      for (std::int64_t i = 0; i < count; ++i) {
        to[i] = part[i];
      }
      return;
    }
    const Int mask = end_mask(count);
    const Float before = load(to + count - L);
    store(to + count - L, mask != 0 ? value : before);
  }
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

  /// log x for x ≥ 0, absolute error below 2e-7 or relative below 1e-6; that of the smallest normal number below it.
  INFOPLANE_INLINE static Float log(const Float& argument) {
    constexpr std::int32_t kHalfRoot = 0x3f3504f3;  // √½
    const Float x = max(argument, Float{} + 1.17549435e-38F);
    Int bits;
    __builtin_memcpy(&bits, &x, sizeof(bits));
    const Int exponent = (bits - kHalfRoot) >> 23;  // so that the rest lies in [√½, √2)
    bits -= exponent << 23;
    Float rest;
    __builtin_memcpy(&rest, &bits, sizeof(rest));
    const Float s = (rest - 1.0F) / (rest + 1.0F);
    const Float square = s * s;
    Float series = square * (2.0F / 9) + 2.0F / 7;  // log((1 + s) / (1 − s)) = 2 (s + s³/3 + s⁵/5 + …), |s| < 0.172
    series = series * square + 2.0F / 5;
    series = series * square + 2.0F / 3;
    series = series * square + 2.0F;
    const Int shifted = exponent + 0x4b400000;  // 1.5 · 2^23 + exponent as a float
    Float power;
    __builtin_memcpy(&power, &shifted, sizeof(power));
    return (power - 12582912.0F) * 0.693147181F + s * series;
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

 private:
  /// Set in the last count % L lanes.
  INFOPLANE_INLINE static Int end_mask(std::int64_t count) {
    Int numbers;
    __builtin_memcpy(&numbers, kNumbers<std::int32_t>, sizeof(numbers));
    return numbers >= static_cast<std::int32_t>(L - count % L);
  }
};

/// Types of D doubles. Each by itself: the compiler converts no vectors of a type that depends on a parameter.
template <int D>
struct DoubleTypes;
template <>
struct DoubleTypes<2> {
  using Double [[gnu::vector_size(16)]] = double;
  using Floats [[gnu::vector_size(8)]] = float;
  using Int [[gnu::vector_size(16)]] = std::uint64_t;
  INFOPLANE_INLINE static Double from(const Floats& value) { return __builtin_convertvector(value, Double); }
};
template <>
struct DoubleTypes<4> {
  using Double [[gnu::vector_size(32)]] = double;
  using Floats [[gnu::vector_size(16)]] = float;
  using Int [[gnu::vector_size(32)]] = std::uint64_t;
  INFOPLANE_INLINE static Double from(const Floats& value) { return __builtin_convertvector(value, Double); }
};
template <>
struct DoubleTypes<8> {
  using Double [[gnu::vector_size(64)]] = double;
  using Floats [[gnu::vector_size(32)]] = float;
  using Int [[gnu::vector_size(64)]] = std::uint64_t;
  INFOPLANE_INLINE static Double from(const Floats& value) { return __builtin_convertvector(value, Double); }
};

/// D doubles.
template <int D>
struct Doubles : DoubleTypes<D> {
  using typename DoubleTypes<D>::Double;
  using typename DoubleTypes<D>::Floats;
  using typename DoubleTypes<D>::Int;
  using DoubleTypes<D>::from;

  INFOPLANE_INLINE static Double load(const double* from) {
    Double value;
    __builtin_memcpy(&value, from, sizeof(value));
    return value;
  }
  INFOPLANE_INLINE static Floats load_floats(const float* from) {
    Floats value;
    __builtin_memcpy(&value, from, sizeof(value));
    return value;
  }
  INFOPLANE_INLINE static Double load(const float* values) { return from(load_floats(values)); }
  /// As those of `Lanes`.
  template <typename T>
  INFOPLANE_INLINE static Double load_end(const T* from, std::int64_t count) {
    if (count < D) {
      T part[D] = {};
      copy_first(from, count, part);
      return load(part);
    }
    const Double value = load(from + count - D);
    return end_mask(count) != 0 ? value : Double{};
  }
  INFOPLANE_INLINE static void store(double* to, const Double& value) { __builtin_memcpy(to, &value, sizeof(value)); }
  INFOPLANE_INLINE static void store_end(double* to, const Double& value, std::int64_t count) {
    if (count < D) {
      double part[D];
      store(part, value);
      for (std::int64_t i = 0; i < count; ++i) {
        to[i] = part[i];
      }
      return;
    }
    const Double before = load(to + count - D);
    store(to + count - D, end_mask(count) != 0 ? value : before);
  }
  INFOPLANE_INLINE static double sum_of(const Double& value) {
    double part[D];
    store(part, value);
    for (int width = D / 2; width > 0; width /= 2) {
      for (int i = 0; i < width; ++i) {
        part[i] += part[i + width];
      }
    }
    return part[0];
  }

  /// log x for x ≥ 0, from the first `Terms` terms of a series: relative error below 1e-13 with 10, absolute error
  /// below 2e-11 with 6; that of the smallest normal number below it.
  template <int Terms>
  INFOPLANE_INLINE static Double log(const Double& argument) {
    constexpr std::uint64_t kHalfRoot = 0x3fe6a09e667f3bcdU;  // √½
    constexpr std::uint64_t kOne = 0x3ff0000000000000U;
    constexpr double kSmallest = 2.2250738585072014e-308;
    const Double x = argument > kSmallest ? argument : Double{} + kSmallest;
    Int bits;
    __builtin_memcpy(&bits, &x, sizeof(bits));
    const Int biased = (bits + (kOne - kHalfRoot)) >> 52;  // so that the rest lies in [√½, √2)
    bits -= (biased - 1023) << 52;
    const Int shifted = biased | 0x4330000000000000U;  // 2^52 + biased as a double
    Double rest, exponent;
    __builtin_memcpy(&rest, &bits, sizeof(rest));
    __builtin_memcpy(&exponent, &shifted, sizeof(exponent));
    const Double s = (rest - 1.0) / (rest + 1.0);
    const Double square = s * s;
    Double series = Double{} + 2.0 / (2 * Terms - 1);  // log((1 + s) / (1 − s)) = 2 (s + s³/3 + s⁵/5 + …), |s| < 0.172
#pragma GCC unroll 16
    for (int k = Terms - 2; k >= 0; --k) {
      series = series * square + 2.0 / (2 * k + 1);
    }
    return (exponent - (4503599627370496.0 + 1023.0)) * 0.6931471805599453 + s * series;
  }

 private:
  INFOPLANE_INLINE static auto end_mask(std::int64_t count) {
    Int numbers;
    __builtin_memcpy(&numbers, kNumbers<std::uint64_t>, sizeof(numbers));
    return numbers >= static_cast<std::uint64_t>(D - count % D);
  }
};

}  // namespace infoplane::estimator::kernels
