#pragma once

#include <memory>

#include "estimator/device/device.hpp"

namespace infoplane::estimator::cuda {

/// A GPU with LibTorch's current streams and caching allocators. Only in builds with INFOPLANE_CUDA.
std::shared_ptr<Device> torch_device(int index);

}  // namespace infoplane::estimator::cuda
