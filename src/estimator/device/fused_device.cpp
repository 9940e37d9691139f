#include "estimator/assignment/soft_assignment.hpp"
#include "estimator/device/assignment.hpp"
#include "estimator/device/cuda/torch_device.hpp"

namespace infoplane::estimator::kernels {

std::shared_ptr<cuda::DeviceContext> fused_device(const at::Tensor& z, const AnchorPanels& anchors) {
  if (!cuda::takes(anchors.anchors(), anchors.dimension())) {
    return nullptr;
  }
  DeviceContexts& devices = anchors.on_devices();
  const std::lock_guard lock(devices.mutex);
  if (devices.instead) {
    return devices.instead;
  }
#ifdef INFOPLANE_CUDA_KERNELS
  if (z.is_cuda()) {
    auto& context = devices.of_index[z.get_device()];
    if (!context) {
      context = std::make_shared<cuda::DeviceContext>(cuda::torch_device(z.get_device()));
    }
    return context;
  }
#else
  (void)z;
#endif
  return nullptr;
}

}  // namespace infoplane::estimator::kernels
