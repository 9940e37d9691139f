#include "estimator/kernels/cuda/assignment.hpp"
#include "estimator/kernels/cuda/torch_device.hpp"
#include "estimator/kernels/soft_assignment.hpp"

namespace infoplane::estimator::kernels {

std::shared_ptr<cuda::Shared> fused_device(const at::Tensor& z, const AnchorPanels& anchors) {
  if (!cuda::takes(anchors.anchors(), anchors.dimension())) {
    return nullptr;
  }
  SharedDevices& devices = anchors.on_devices();
  const std::lock_guard lock(devices.mutex);
  if (devices.instead) {
    return devices.instead;
  }
#ifdef INFOPLANE_CUDA_KERNELS
  if (z.is_cuda()) {
    auto& shared = devices.of_index[z.get_device()];
    if (!shared) {
      shared = std::make_shared<cuda::Shared>(cuda::torch_device(z.get_device()));
    }
    return shared;
  }
#else
  (void)z;
#endif
  return nullptr;
}

}  // namespace infoplane::estimator::kernels
