#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

// The device that the kernel tests run on: the emulated one, or a GPU. Each has one source file.
namespace infoplane::estimator::cuda::test {

/// Null, or why the kernels cannot run here.
const char* missing_device();

/// Memory of the device, aligned to 256 bytes; freed with its last owner.
std::shared_ptr<void> allocate(std::size_t bytes);
void copy_in(void* device, const void* host, std::size_t bytes);
/// Waits for the kernels before.
void copy_out(void* host, const void* device, std::size_t bytes);
/// Another order of threads, where the device lets one choose.
void shuffle_threads(std::uint64_t seed);

/// Values on the device.
template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(std::size_t size) : size_(size), data_(allocate(size * sizeof(T))) {}
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    copy_in(data_.get(), values.data(), size_ * sizeof(T));
  }
  T* data() const { return static_cast<T*>(data_.get()); }
  std::vector<T> host() const {
    std::vector<T> values(size_);
    copy_out(values.data(), data_.get(), size_ * sizeof(T));
    return values;
  }

 private:
  std::size_t size_;
  std::shared_ptr<void> data_;
};

}  // namespace infoplane::estimator::cuda::test
