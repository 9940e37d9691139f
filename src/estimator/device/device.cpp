#include "estimator/device/device.hpp"

#include <infoplane/core/error.hpp>

namespace infoplane::estimator::cuda {

void Device::check(const char* failure) const {
  INFOPLANE_CHECK(failure == nullptr, StateError, "a CUDA kernel could not be started: ", failure,
                  "; if this GPU is older than sm_80, build with INFOPLANE_CUDA=OFF");
}

void Upload::allocate(Device& device) {
  host_ = device.allocate_pinned(bytes_);
  device_ = device.allocate(bytes_);
}

void Upload::send(Device& device, void* stream) {
  device.copy(device_.data, host_.data, bytes_, stream);
  device.keep_for(host_, stream);
  host_ = {};
}

}  // namespace infoplane::estimator::cuda
