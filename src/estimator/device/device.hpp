#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "estimator/device/cuda/launch.hpp"

namespace infoplane::estimator::cuda {

/// Memory of a device, or pinned memory of the host.
struct Memory {
  void* data = nullptr;
  std::int64_t bytes = 0;
  std::shared_ptr<void> owner;

  template <typename T>
  T* as(std::int64_t offset = 0) const noexcept {
    return reinterpret_cast<T*>(static_cast<std::uint8_t*>(data) + offset);
  }
};

/// A point in the work of a stream.
using Event = std::shared_ptr<void>;

/// One device, as the host uses it: everything is queued on streams, and the host waits in one place, which counts.
/// A GPU with LibTorch's allocators and streams, or the emulated device of the tests.
///
/// Memory belongs to the stream that was current when it was allocated: given back, it may be used again by what is
/// queued there afterwards. Whoever uses it on another stream says so by `keep_for`; whoever gives back pinned memory
/// too, for every stream.
class Device {
 public:
  explicit Device(const Kernels& all) : kernels_(all) {}
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Kernels& kernels() const noexcept { return kernels_; }

  /// Makes it the current device of this thread until what comes back goes; to be held around everything below.
  virtual std::shared_ptr<void> make_current() = 0;
  /// The caller's current stream, a cudaStream_t.
  virtual void* stream() = 0;
  /// Whether what is queued there goes into a CUDA graph instead.
  virtual bool capturing(void* stream) = 0;
  /// Aligned to 256 bytes. @throws what LibTorch throws where there is no memory.
  virtual Memory allocate(std::int64_t bytes) = 0;
  virtual Memory allocate_pinned(std::int64_t bytes) = 0;
  virtual void keep_for(const Memory& memory, void* stream) = 0;
  /// Between this device and pinned memory, either way, or within the device.
  virtual void copy(void* to, const void* from, std::int64_t bytes, void* stream) = 0;
  virtual void fill(void* to, std::uint8_t byte, std::int64_t bytes, void* stream) = 0;
  virtual Event record(void* stream) = 0;
  virtual bool done(const Event& event) = 0;
  /// What is queued on the stream from now on comes after the event.
  virtual void order(void* stream, const Event& event) = 0;

  /// Blocks the host until the event has come. The only wait that there is.
  void wait(const Event& event) {
    if (!done(event)) {
      ++waits_;
      block(event);
    }
  }
  /// How often the host was blocked.
  std::int64_t waits() const noexcept { return waits_; }

  /// @throws StateError if a kernel could not be started, with what it says.
  void check(const char* failure) const;

 private:
  virtual void block(const Event& event) = 0;

  const Kernels kernels_;
  std::atomic<std::int64_t> waits_{0};
};

/// Puts values one after another into one piece of pinned memory, and that into the device's: one copy for all.
class Upload {
 public:
  /// Room for what comes next. @returns its offset, aligned to 16 bytes.
  template <typename T>
  std::int64_t reserve(std::int64_t count) noexcept {
    const std::int64_t offset = bytes_;
    bytes_ = (bytes_ + count * static_cast<std::int64_t>(sizeof(T)) + 15) / 16 * 16;
    return offset;
  }
  void allocate(Device& device);
  template <typename T>
  T* host(std::int64_t offset) const noexcept {
    return host_.as<T>(offset);
  }
  template <typename T>
  T* on_device(std::int64_t offset) const noexcept {
    return device_.as<T>(offset);
  }
  /// Queues the copy; the pinned memory may go.
  void send(Device& device, void* stream);
  const Memory& memory() const noexcept { return device_; }

 private:
  std::int64_t bytes_ = 0;
  Memory host_;
  Memory device_;
};

}  // namespace infoplane::estimator::cuda
