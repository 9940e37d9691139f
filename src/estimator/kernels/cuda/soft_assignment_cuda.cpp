#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <cstring>
#include <infoplane/core/error.hpp>

#include "estimator/kernels/cuda/launch.hpp"
#include "estimator/kernels/soft_assignment.hpp"

namespace infoplane::estimator::kernels {
namespace {

cuda::ValueType type_of(const at::Tensor& z) {
  switch (z.scalar_type()) {
    case at::kDouble:
      return cuda::ValueType::kFloat64;
    case at::kHalf:
      return cuda::ValueType::kFloat16;
    case at::kBFloat16:
      return cuda::ValueType::kBFloat16;
    default:
      return cuda::ValueType::kFloat32;
  }
}

void check(cudaError_t status, const char* what) {
  INFOPLANE_CHECK(status == cudaSuccess, StateError, what, " failed: ", cudaGetErrorString(status));
}

void check(const char* failure, const at::Tensor& z) {
  INFOPLANE_CHECK(failure == nullptr, StateError, "a CUDA kernel could not be started on ", z.device(), ": ", failure,
                  "; if this GPU is older than sm_80, build with INFOPLANE_CUDA=OFF");
}

at::Tensor bytes_on(const at::Tensor& z, std::int64_t bytes) {
  return at::empty({std::max<std::int64_t>(bytes, 1)}, at::TensorOptions(at::kByte).device(z.device()));
}

/// Pinned, from LibTorch's caching allocator of host memory.
at::Tensor pinned(std::int64_t bytes) {
  return at::empty({std::max<std::int64_t>(bytes, 1)}, at::TensorOptions(at::kByte).pinned_memory(true));
}

/// The anchors in the tensor cores' order on z's device; made at their first use there.
at::Tensor anchors_for(const at::Tensor& z, const AnchorPanels& anchors, const c10::cuda::CUDAStream& stream) {
  const cuda::ValueType type = type_of(z);
  const bool two_parts = type == cuda::ValueType::kFloat16 || type == cuda::ValueType::kBFloat16;
  DeviceAnchors& devices = anchors.on_devices();
  const std::lock_guard lock(devices.mutex);
  at::Tensor& prepared = devices.prepared[{z.get_device(), two_parts ? 2 : 3}];
  if (!prepared.defined()) {
    const at::Tensor weight = anchors.weight().to(z.device());
    const at::Tensor made = bytes_on(z, cuda::anchor_bytes(type, anchors.anchors(), anchors.dimension()));
    check(cuda::prepare_anchors(weight.const_data_ptr<float>(), anchors.anchors(), anchors.dimension(), type,
                                made.mutable_data_ptr(), stream.stream()),
          z);
    stream.synchronize();  // once: other streams may use them from now on
    prepared = made;
  }
  return prepared;
}

}  // namespace

SoftAssignment soft_assignment_cuda(const at::Tensor& z, const AnchorPanels& anchors, double epsilon,
                                    const std::uint8_t* counted) {
  const std::int64_t m = anchors.anchors();
  const std::int64_t d = anchors.dimension();
  if (m > cuda::kMaxAnchors || d > cuda::kMaxDimension) {
    return soft_assignment_aten(z, anchors, epsilon, counted);
  }
  const std::int64_t n = z.numel() / d;
  SoftAssignment result;
  result.rows = n;
  result.sum.assign(static_cast<std::size_t>(m), 0.0);
  if (n == 0) {
    return result;
  }
  const c10::cuda::CUDAGuard device(z.device());
  const c10::cuda::CUDAStream stream = c10::cuda::getCurrentCUDAStream(z.get_device());
  cudaStreamCaptureStatus capture{};
  check(cudaStreamIsCapturing(stream.stream(), &capture), "asking a stream whether a CUDA graph is being captured");
  INFOPLANE_CHECK(capture == cudaStreamCaptureStatusNone, StateError,
                  "z came during the capture of a CUDA graph, and what is captured cannot be counted at its replays: "
                  "observe a step that is run without a graph, or capture with no observation open");

  const at::Tensor prepared = anchors_for(z, anchors, stream);
  at::Tensor flags;
  if (counted != nullptr) {
    const at::Tensor host = pinned(n);
    std::memcpy(host.mutable_data_ptr(), counted, static_cast<std::size_t>(n));
    flags = host.to(z.device(), /*non_blocking=*/true);
  }
  // One buffer, so that one copy and one wait bring everything: sum, counts, assignments, status.
  const std::int64_t sum_bytes = m * 8, count_bytes = 16, assignment_bytes = n * m * 4;
  const at::Tensor out = bytes_on(z, sum_bytes + count_bytes + assignment_bytes + n);
  const at::Tensor workspace = bytes_on(z, cuda::assignment_workspace_bytes(n, m));
  auto* const base = static_cast<std::uint8_t*>(out.mutable_data_ptr());
  const cuda::AssignmentOutputs outputs{
      reinterpret_cast<float*>(base + sum_bytes + count_bytes), base + sum_bytes + count_bytes + assignment_bytes,
      reinterpret_cast<double*>(base), reinterpret_cast<std::int64_t*>(base + sum_bytes), workspace.mutable_data_ptr()};
  const bool flat = z.dim() == 2;
  const cuda::Representations rows{z.const_data_ptr(),     type_of(z),   n,           flat ? n : z.size(1), d,
                                   flat ? 0 : z.stride(0), z.stride(-2), z.stride(-1)};
  check(
      cuda::soft_assignment(rows, prepared.const_data_ptr(), m, epsilon,
                            flags.defined() ? flags.const_data_ptr<std::uint8_t>() : nullptr, outputs, stream.stream()),
      z);
  const at::Tensor host = pinned(out.numel());
  check(cudaMemcpyAsync(host.mutable_data_ptr(), base, static_cast<std::size_t>(out.numel()), cudaMemcpyDeviceToHost,
                        stream.stream()),
        "copying the assignments to the host");
  stream.synchronize();

  const auto* const bytes = static_cast<const std::uint8_t*>(host.const_data_ptr());
  std::memcpy(result.sum.data(), bytes, static_cast<std::size_t>(sum_bytes));
  std::int64_t counts[2];
  std::memcpy(counts, bytes + sum_bytes, sizeof(counts));
  result.tokens = counts[0];
  result.rejected = counts[1];
  result.probabilities = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(n * m));
  std::memcpy(result.probabilities.get(), bytes + sum_bytes + count_bytes, static_cast<std::size_t>(assignment_bytes));
  result.used.resize(static_cast<std::size_t>(n));
  std::transform(bytes + sum_bytes + count_bytes + assignment_bytes, bytes + out.numel(), result.used.begin(),
                 [](std::uint8_t status) -> std::uint8_t { return status == cuda::kUsed ? 1 : 0; });
  return result;
}

}  // namespace infoplane::estimator::kernels
