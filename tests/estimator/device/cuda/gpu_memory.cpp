#include <cuda_runtime_api.h>

#include <stdexcept>

#include "estimator/device/cuda/device_memory.hpp"

namespace infoplane::estimator::cuda::test {
namespace {

void check(cudaError_t status) {
  if (status != cudaSuccess) {
    throw std::runtime_error(cudaGetErrorString(status));
  }
}

}  // namespace

const char* missing_device() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) {
    return cudaGetErrorString(status);
  }
  return count > 0 ? nullptr : "this machine has no CUDA device";
}

std::shared_ptr<void> allocate(std::size_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes == 0 ? 1 : bytes));
  check(cudaMemset(memory, 0xff, bytes));
  return {memory, [](void* data) { (void)cudaFree(data); }};
}

void copy_in(void* device, const void* host, std::size_t bytes) {
  check(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice));
}

void copy_out(void* host, const void* device, std::size_t bytes) {
  check(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost));
}

void shuffle_threads(std::uint64_t /*seed*/) {}  // the hardware has an order of its own

}  // namespace infoplane::estimator::cuda::test
