#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "estimator/assignment/soft_assignment.hpp"
#include "estimator/device/device_context.hpp"

namespace infoplane::estimator::cuda {

/// A soft assignment under way.
struct StartedAssignment {
  std::int64_t rows = 0;
  std::int64_t anchors = 0;
  Memory probabilities;  ///< float32 [rows, m] on the device; rows that are not used are zero
  std::int64_t dimension = 0;
  Memory on_host;  ///< pinned: sum float64 [m], used and rejected rows int64 [2], directions int64 [d], inverse
                   ///< norms float64 [1], H(p) float32 [rows], RowStatus [rows]
  void* stream = nullptr;
  Event done;  ///< when `on_host` is there; none over no rows
};

/// Whether the fused kernels take m and d.
bool takes(std::int64_t anchors, std::int64_t dimension) noexcept;

/// @throws StateError while the caller's current stream captures a CUDA graph: nothing may be asked of the device then.
void refuse_capture_of_update(Device& device);

/// Queues the assignment of z, which is on the device, on the caller's current stream, and the copy of all but the
/// probabilities to the host. Does not wait. `z`, `counted`: as of soft_assignment(); `counted` may go.
/// @throws StateError while the stream captures a CUDA graph, or if a kernel cannot be started.
StartedAssignment start_assignment(DeviceContext& context, const at::Tensor& z, const kernels::AnchorPanels& anchors,
                                   double epsilon, const std::uint8_t* counted);

/// Waits for it, where it has not come yet; without the probabilities, which stay where they are.
kernels::SoftAssignment finish_assignment(Device& device, const StartedAssignment& started);

}  // namespace infoplane::estimator::cuda
