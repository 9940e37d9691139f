#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "estimator/assignment/instruction_set.hpp"

// The one entry to all kernels: what turns representations into soft assignments, per device.
namespace infoplane::estimator {

namespace cuda {
class DeviceContext;
}

namespace kernels {

/// The soft assignments of a batch, on the host.
struct SoftAssignment {
  std::int64_t rows = 0;
  std::unique_ptr<float[]> probabilities;  ///< [rows, m]; rows that are not used hold anything
  std::vector<std::uint8_t> used;          ///< 1 where a row counts and is good
  std::vector<float> entropies;            ///< [rows] H(p_i) in nats; of rows that are not used anything
  std::vector<double> sum;                 ///< [m] over the used rows
  std::vector<std::int64_t> directions;    ///< [d] Σ z_i / |z_i| over the used rows, in 1 / kDirectionUnit
  double inverse_norms = 0;                ///< Σ 1 / |z_i| over the used rows
  std::int64_t tokens = 0;                 ///< used rows
  std::int64_t rejected = 0;               ///< rows that count and have a NaN, an Inf or norm 0
};

/// What accumulators with the same anchors share on devices other than the CPU, by device index: made at the first use.
struct DeviceContexts {
  std::mutex mutex;
  std::map<int, std::shared_ptr<cuda::DeviceContext>> of_index;
  std::shared_ptr<cuda::DeviceContext> instead;  // of z's device, whatever that is: for an emulated one
};

/// Anchors in the order in which a variant of the CPU kernel reads them: panels of a few vectors of anchors, each panel
/// [d, width].
class AnchorPanels {
 public:
  /// `weight`: float32 [m, d] on the CPU, contiguous. The instruction set must be supported.
  explicit AnchorPanels(const at::Tensor& weight, InstructionSet set = best_instruction_set());

  InstructionSet instruction_set() const noexcept { return set_; }
  const at::Tensor& weight() const noexcept { return weight_; }
  std::int64_t anchors() const noexcept { return anchors_; }
  std::int64_t dimension() const noexcept { return dimension_; }
  const float* data() const noexcept { return data_.get(); }
  std::int64_t memory_bytes() const noexcept;
  DeviceContexts& on_devices() const noexcept { return on_devices_; }

 private:
  struct Free {
    void operator()(float* data) const noexcept;
  };

  at::Tensor weight_;
  InstructionSet set_;
  std::int64_t anchors_;
  std::int64_t dimension_;
  std::unique_ptr<float[], Free> data_;
  mutable DeviceContexts on_devices_;
};

/// softmax((z_i / |z_i|) · Wᵀ / ε) of every row and their sum, by the kernel of z's device.
///
/// `z`: [N, d] or [B, T, d] of float64, float32, float16 or bfloat16, any strides, without gradient.
/// `counted`: N flags on the host, or null when all rows count.
SoftAssignment soft_assignment(const at::Tensor& z, const AnchorPanels& anchors, double epsilon,
                               const std::uint8_t* counted);

/// For z on the CPU, by the variant that the panels are for: one pass over z, without ATen operators; a row's result
/// does not depend on its batch.
SoftAssignment soft_assignment_cpu(const at::Tensor& z, const AnchorPanels& anchors, double epsilon,
                                   const std::uint8_t* counted);

/// For z on any device, by ATen operators; copies the assignments to the host.
SoftAssignment soft_assignment_aten(const at::Tensor& z, const AnchorPanels& anchors, double epsilon,
                                    const std::uint8_t* counted);

/// The device of z where the fused kernels of device/cuda/launch.hpp take it: a GPU, in builds with INFOPLANE_CUDA, and
/// no more than 4096 anchors and 65 536 dimensions. Otherwise null.
std::shared_ptr<cuda::DeviceContext> fused_device(const at::Tensor& z, const AnchorPanels& anchors);

}  // namespace kernels
}  // namespace infoplane::estimator
