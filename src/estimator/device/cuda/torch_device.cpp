#include "estimator/device/cuda/torch_device.hpp"

#include <ATen/core/CachingHostAllocator.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <infoplane/core/error.hpp>

namespace infoplane::estimator::cuda {
namespace {

void succeeded(cudaError_t status, const char* what) {
  INFOPLANE_CHECK(status == cudaSuccess, StateError, what, " failed: ", cudaGetErrorString(status));
}

cudaStream_t as_stream(void* stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t as_event(const Event& event) { return static_cast<cudaEvent_t>(event.get()); }

class TorchDevice final : public Device {
 public:
  explicit TorchDevice(c10::DeviceIndex index) : Device(all_kernels()), index_(index) {}

  std::shared_ptr<void> make_current() override { return std::make_shared<c10::cuda::CUDAGuard>(index_); }

  void* stream() override { return c10::cuda::getCurrentCUDAStream(index_).stream(); }

  bool capturing(void* stream) override {
    cudaStreamCaptureStatus status{};
    succeeded(cudaStreamIsCapturing(as_stream(stream), &status),
              "asking a stream whether a CUDA graph is being captured");
    return status != cudaStreamCaptureStatusNone;
  }

  Memory allocate(std::int64_t bytes) override {
    return held(c10::cuda::CUDACachingAllocator::get()->allocate(size_of(bytes)), bytes);
  }

  Memory allocate_pinned(std::int64_t bytes) override {
    return held(at::getHostAllocator(at::kCUDA)->allocate(size_of(bytes)), bytes);
  }

  void keep_for(const Memory& memory, void* stream) override {
    if (memory.data == nullptr) {
      return;
    }
    const auto& owner = *static_cast<const c10::DataPtr*>(memory.owner.get());
    const auto on = c10::cuda::getStreamFromExternal(as_stream(stream), index_);
    if (owner.device().is_cuda()) {
      c10::cuda::CUDACachingAllocator::recordStream(owner, on);
    } else {
      at::getHostAllocator(at::kCUDA)->record_event(owner.get(), owner.get_context(), on.unwrap());
    }
  }

  void copy(void* to, const void* from, std::int64_t bytes, void* stream) override {
    if (bytes > 0) {
      succeeded(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault, as_stream(stream)),
                "copying between the host and a GPU");
    }
  }

  void fill(void* to, std::uint8_t byte, std::int64_t bytes, void* stream) override {
    if (bytes > 0) {
      succeeded(cudaMemsetAsync(to, byte, static_cast<std::size_t>(bytes), as_stream(stream)),
                "clearing memory of a GPU");
    }
  }

  Event record(void* stream) override {
    cudaEvent_t event = nullptr;
    succeeded(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "making a CUDA event");
    Event result(event, [](void* made) { (void)cudaEventDestroy(static_cast<cudaEvent_t>(made)); });
    succeeded(cudaEventRecord(event, as_stream(stream)), "recording a CUDA event");
    return result;
  }

  bool done(const Event& event) override {
    const cudaError_t status = cudaEventQuery(as_event(event));
    if (status != cudaErrorNotReady) {
      succeeded(status, "the work of a GPU");
    }
    return status == cudaSuccess;
  }

  void order(void* stream, const Event& event) override {
    succeeded(cudaStreamWaitEvent(as_stream(stream), as_event(event), 0), "ordering two streams of a GPU");
  }

 private:
  static std::size_t size_of(std::int64_t bytes) { return static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1)); }

  static Memory held(c10::DataPtr data, std::int64_t bytes) {
    void* const address = data.get();
    return {address, bytes, std::make_shared<c10::DataPtr>(std::move(data))};
  }

  void block(const Event& event) override { succeeded(cudaEventSynchronize(as_event(event)), "the work of a GPU"); }

  c10::DeviceIndex index_;
};

}  // namespace

std::shared_ptr<Device> torch_device(int index) {
  return std::make_shared<TorchDevice>(static_cast<c10::DeviceIndex>(index));
}

}  // namespace infoplane::estimator::cuda
