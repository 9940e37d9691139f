#include <cstdlib>
#include <cstring>
#include <new>

#include "estimator/device/cuda/device_memory.hpp"
#include "support/cuda_emulation/scheduler.hpp"

namespace infoplane::estimator::cuda::test {

const char* missing_device() { return nullptr; }

std::shared_ptr<void> allocate(std::size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 256, bytes == 0 ? 1 : bytes) != 0) {  // of the exact size, for the address sanitizer
    throw std::bad_alloc();
  }
  std::memset(memory, 0xff, bytes);
  return {memory, &std::free};
}

void copy_in(void* device, const void* host, std::size_t bytes) {
  if (bytes > 0) {
    std::memcpy(device, host, bytes);
  }
}

void copy_out(void* host, const void* device, std::size_t bytes) { copy_in(host, device, bytes); }

void shuffle_threads(std::uint64_t seed) { emulation::Scheduler::current().seed(seed); }

}  // namespace infoplane::estimator::cuda::test
