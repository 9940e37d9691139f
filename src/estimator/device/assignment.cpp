#include "estimator/device/assignment.hpp"

#include <algorithm>
#include <cstring>
#include <infoplane/core/error.hpp>

namespace infoplane::estimator::cuda {
namespace {

/// Where what comes to the host lies in it.
struct Layout {
  std::int64_t counts, directions, inverse_norms, entropies, status, bytes;

  Layout(std::int64_t rows, std::int64_t m, std::int64_t d)
      : counts(m * 8),
        directions(counts + 16),
        inverse_norms(directions + d * 8),
        entropies(inverse_norms + 8),
        status(entropies + rows * 4),
        bytes(status + rows) {}
};

ValueType type_of(const at::Tensor& z) {
  switch (z.scalar_type()) {
    case at::kDouble:
      return ValueType::kFloat64;
    case at::kHalf:
      return ValueType::kFloat16;
    case at::kBFloat16:
      return ValueType::kBFloat16;
    default:
      return ValueType::kFloat32;
  }
}

}  // namespace

bool takes(std::int64_t anchors, std::int64_t dimension) noexcept {
  return anchors <= kMaxAnchors && dimension <= kMaxDimension;
}

void refuse_capture_of_update(Device& device) {
  INFOPLANE_CHECK(!device.capturing(device.stream()), StateError,
                  "z came during the capture of a CUDA graph, and what is captured cannot be counted at its replays: "
                  "observe a step that is run without a graph, or capture with no observation open");
}

StartedAssignment start_assignment(DeviceContext& context, const at::Tensor& z, const kernels::AnchorPanels& anchors,
                                   double epsilon, const std::uint8_t* counted) {
  Device& device = context.device();
  const std::int64_t m = anchors.anchors();
  const std::int64_t d = anchors.dimension();
  const std::int64_t n = z.numel() / d;
  const std::shared_ptr<void> current = device.make_current();
  StartedAssignment result;
  result.rows = n;
  result.anchors = m;
  result.dimension = d;
  result.stream = device.stream();
  refuse_capture_of_update(device);
  if (n == 0) {
    return result;
  }
  const void* const prepared =
      context.anchors(anchors.weight().const_data_ptr<float>(), m, d, type_of(z), result.stream);
  Upload flags;
  if (counted != nullptr) {
    const std::int64_t at = flags.reserve<std::uint8_t>(n);
    flags.allocate(device);
    std::memcpy(flags.host<std::uint8_t>(at), counted, static_cast<std::size_t>(n));
    flags.send(device, result.stream);
  }
  result.probabilities = device.allocate(n * m * 4);
  const Layout at(n, m, d);
  const Memory small = device.allocate(at.bytes);
  const Memory workspace = device.allocate(device.kernels().assignment_workspace_bytes(n, m, d));
  const bool flat = z.dim() == 2;
  const Representations rows{z.const_data_ptr(),     type_of(z),   n,           flat ? n : z.size(1), d,
                             flat ? 0 : z.stride(0), z.stride(-2), z.stride(-1)};
  const AssignmentOutputs outputs{result.probabilities.as<float>(),      small.as<std::uint8_t>(at.status),
                                  small.as<float>(at.entropies),         small.as<double>(),
                                  small.as<std::int64_t>(at.counts),     workspace.data,
                                  small.as<std::int64_t>(at.directions), small.as<double>(at.inverse_norms)};
  device.check(device.kernels().soft_assignment(rows, prepared, m, epsilon, flags.memory().as<std::uint8_t>(), outputs,
                                                result.stream));
  result.on_host = device.allocate_pinned(at.bytes);
  device.copy(result.on_host.data, small.data, at.bytes, result.stream);
  device.keep_for(result.on_host, result.stream);
  result.done = device.record(result.stream);
  return result;
}

kernels::SoftAssignment finish_assignment(Device& device, const StartedAssignment& started) {
  kernels::SoftAssignment result;
  result.rows = started.rows;
  result.sum.assign(static_cast<std::size_t>(started.anchors), 0.0);
  result.directions.assign(static_cast<std::size_t>(started.dimension), 0);
  if (started.rows == 0) {
    return result;
  }
  device.wait(started.done);
  std::copy_n(started.on_host.as<double>(), started.anchors, result.sum.begin());
  const Layout at(started.rows, started.anchors, started.dimension);
  const auto* const counts = started.on_host.as<std::int64_t>(at.counts);
  result.tokens = counts[0];
  result.rejected = counts[1];
  std::copy_n(started.on_host.as<std::int64_t>(at.directions), started.dimension, result.directions.begin());
  result.inverse_norms = *started.on_host.as<double>(at.inverse_norms);
  const auto* const entropies = started.on_host.as<float>(at.entropies);
  result.entropies.assign(entropies, entropies + started.rows);
  const auto* const status = started.on_host.as<std::uint8_t>(at.status);
  result.used.resize(static_cast<std::size_t>(started.rows));
  std::transform(status, status + started.rows, result.used.begin(),
                 [](std::uint8_t of_row) -> std::uint8_t { return of_row == kUsed ? 1 : 0; });
  return result;
}

}  // namespace infoplane::estimator::cuda
