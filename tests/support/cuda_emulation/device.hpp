#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "support/cuda_emulation/scheduler.hpp"
#include "support/cuda_emulation/stream.hpp"

// The words of CUDA that the kernels use, for a C++ compiler. One dimension of blocks and threads, whole warps.
// Not emulated: data races, `expf` and fused products to the last bit.
// NOLINTBEGIN(bugprone-reserved-identifier): these are CUDA's names
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__ __restrict

struct InfoplaneEmulatedIndex {
  unsigned x;
};
inline thread_local InfoplaneEmulatedIndex threadIdx;
inline thread_local InfoplaneEmulatedIndex blockIdx;
inline thread_local InfoplaneEmulatedIndex blockDim;
inline thread_local InfoplaneEmulatedIndex gridDim;

struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};

struct __nv_bfloat16 {
  std::uint16_t bits;
};
inline float __bfloat162float(__nv_bfloat16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16U;
  float result = 0;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}
inline __nv_bfloat16 __float2bfloat16_rn(float value) {
  if (std::isnan(value)) {
    return {0x7fff};
  }
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  const std::uint32_t even = (bits >> 16U) & 1U;  // ties go to the even neighbour
  return {static_cast<std::uint16_t>((bits + 0x7fffU + even) >> 16U)};
}

struct __half {
  std::uint16_t bits;
};
inline float __half2float(__half value) {
  const int exponent = (value.bits >> 10U) & 0x1f;
  const auto fraction = static_cast<float>(value.bits & 0x3ffU);
  float result = std::ldexp(exponent == 0 ? fraction : fraction + 1024, (exponent == 0 ? 1 : exponent) - 25);
  if (exponent == 0x1f) {
    result = fraction == 0 ? HUGE_VALF : NAN;
  }
  return (value.bits & 0x8000U) != 0 ? -result : result;
}

template <typename T>
T __ldg(const T* from) {
  return *from;
}
inline void __syncthreads() { infoplane::estimator::cuda::emulation::Scheduler::current().barrier(); }
template <typename T>
T __shfl_xor_sync(unsigned /*mask*/, T value, int lanes) {
  const T* all = infoplane::estimator::cuda::emulation::Scheduler::current().gather(value);
  return all[(threadIdx.x % 32) ^ static_cast<unsigned>(lanes)];
}
inline int __any_sync(unsigned /*mask*/, int value) {
  const int* all = infoplane::estimator::cuda::emulation::Scheduler::current().gather(value);
  int any = 0;
  for (int lane = 0; lane < 32; ++lane) {
    any |= all[lane];
  }
  return any;
}
// NOLINTEND(bugprone-reserved-identifier)
