#include "estimator/device/cuda/launch.hpp"
#include "estimator/device/cuda/platform.hpp"

namespace infoplane::estimator::cuda {
namespace {

constexpr int kThreads = 256;

/// A thread for each value, so that neighbours write neighbours.
__global__ void assignments_kernel(const float* __restrict__ probabilities, std::int64_t m,
                                   const std::int32_t* __restrict__ positions, std::int64_t values,
                                   float* __restrict__ out) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < values) {
    out[i] = __ldg(probabilities + positions[i / m] * m + i % m);
  }
}

__global__ void sums_kernel(LabelSums set, std::int64_t m, const std::int32_t* __restrict__ rows, std::int64_t values,
                            float* __restrict__ out) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < values) {
    const std::int32_t row = rows[i / m];
    const std::int32_t whole = set.large_of_sum[row];
    out[i] = whole >= 0 ? static_cast<float>(set.large[whole * m + i % m]) : set.rows[row * m + i % m];
  }
}

}  // namespace

const char* gather_assignments(const float* probabilities, std::int64_t m, const std::int32_t* positions,
                               std::int64_t count, float* out, void* stream) {
  return count == 0 ? nullptr
                    : launch(assignments_kernel, (count * m + kThreads - 1) / kThreads, kThreads, 0, stream,
                             probabilities, m, positions, count * m, out);
}

const char* gather_label_sums(const LabelSums& set, std::int64_t m, const std::int32_t* rows, std::int64_t count,
                              float* out, void* stream) {
  return count == 0 ? nullptr
                    : launch(sums_kernel, (count * m + kThreads - 1) / kThreads, kThreads, 0, stream, set, m, rows,
                             count * m, out);
}

}  // namespace infoplane::estimator::cuda
