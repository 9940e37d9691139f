#pragma once

// What kernels are written in: CUDA under nvcc, the emulated device under a C++ compiler. C++17 for nvcc's sake.
#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#else
#include "support/cuda_emulation/device.hpp"
#endif

#include <cstdint>
#include <cstring>

namespace infoplane::estimator::cuda {

constexpr unsigned kFullWarp = 0xffffffffU;

#ifdef __CUDACC__
/// The block's dynamic shared memory.
__device__ __forceinline__ unsigned char* shared_memory() {
  extern __shared__ __align__(16) unsigned char infoplane_shared_memory[];
  return infoplane_shared_memory;
}

/// Queues a kernel; null, or what the runtime says against it.
template <typename... Parameters, typename... Arguments>
const char* launch(void (*kernel)(Parameters...), std::int64_t blocks, unsigned threads, std::size_t shared_bytes,
                   void* stream, const Arguments&... arguments) {
  kernel<<<static_cast<unsigned>(blocks), threads, shared_bytes, static_cast<cudaStream_t>(stream)>>>(arguments...);
  const cudaError_t status = cudaGetLastError();
  return status == cudaSuccess ? nullptr : cudaGetErrorString(status);
}
#else
inline unsigned char* shared_memory() {
  return reinterpret_cast<unsigned char*>(emulation::Scheduler::current().shared());
}

template <typename... Parameters, typename... Arguments>
const char* launch(void (*kernel)(Parameters...), std::int64_t blocks, unsigned threads, std::size_t shared_bytes,
                   void* stream, const Arguments&... arguments) {
  emulation::Stream::push(stream, [=] {
    blockDim.x = threads;
    gridDim.x = static_cast<unsigned>(blocks);
    emulation::Scheduler::current().launch(
        gridDim.x, threads, shared_bytes, [&] { kernel(arguments...); },
        [](unsigned block, unsigned thread) {
          blockIdx.x = block;
          threadIdx.x = thread;
        });
  });
  return nullptr;
}
#endif

__device__ __forceinline__ float to_float(float value) { return value; }
__device__ __forceinline__ float to_float(double value) { return static_cast<float>(value); }
__device__ __forceinline__ float to_float(__nv_bfloat16 value) { return __bfloat162float(value); }
__device__ __forceinline__ float to_float(__half value) { return __half2float(value); }
__device__ __forceinline__ double to_double(double value) { return value; }
template <typename T>
__device__ __forceinline__ double to_double(T value) {
  return static_cast<double>(to_float(value));
}

/// Sum over lanes that differ in the bits of `lanes`, in the same order on every run; each of them gets it.
template <typename T>
__device__ __forceinline__ T sum_over_lanes(T value, int from, int below) {
  for (int bit = from; bit < below; bit *= 2) {
    value += __shfl_xor_sync(kFullWarp, value, bit);
  }
  return value;
}

}  // namespace infoplane::estimator::cuda
