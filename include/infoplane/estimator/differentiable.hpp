#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <infoplane/estimator/assignment/anchors.hpp>
#include <infoplane/estimator/soft_entropy_options.hpp>

namespace infoplane::estimator {

class SoftEntropyAccumulator;

/// The anchors and the temperature that soft entropies of representations of dimension d are taken with; made once and
/// kept between calls. Cheap to copy, never written to, usable by several threads.
class AnchoredSpace {
 public:
  /// The anchors and temperature of an accumulator with these options.
  /// @throws ArgumentError unless d ≥ 2 and m ≥ 2, or where the calibration has no temperature.
  explicit AnchoredSpace(std::int64_t d, const SoftEntropyOptions& options = {});
  /// Those of this accumulator.
  explicit AnchoredSpace(const SoftEntropyAccumulator& accumulator);

  /// The same with its anchors on `device`. Without it every call copies them to the device of z.
  AnchoredSpace to(at::Device device) const;

  /// Dimension d of the representations.
  std::int64_t dimension() const noexcept { return anchors_.dimension(); }
  /// W, and what it was drawn with.
  const Anchors& anchors() const noexcept { return anchors_; }
  /// ε.
  double temperature() const noexcept { return temperature_; }
  /// What it was made with.
  const SoftEntropyOptions& options() const noexcept { return options_; }
  /// Wᵀ, float32 [d, m], on the device of this space.
  const at::Tensor& weight() const noexcept { return weight_; }

 private:
  SoftEntropyOptions options_;
  Anchors anchors_;
  double temperature_;
  at::Tensor weight_;
};

/// H(Z) of a batch, in nats, as a function that gradients flow through:
///
///     p_i  = softmax((z_i / |z_i|) · Wᵀ / ε),   P = mean_i p_i,   H(Z) = −Σ_b P_b log P_b
///
/// `z` is [N, d] or [B, T, d] of float64, float32, float16 or bfloat16, strided, on any device. The result has no axes,
/// the device of z, and float64 for a float64 z, float32 otherwise; it equals the plug-in value of an accumulator that
/// saw this batch (2e-7 of log m). Scores and softmax are in the result's dtype whatever autocast says (a backward
/// pass inside of autocast is not kept from bfloat16), sums and entropies in float64.
///
/// A row with a NaN, an Inf or norm 0 is left out and has gradient 0; NaN over no rows. Padding is like any other row:
/// select what counts before. The gradient of a row is at
/// right angles to it and grows as 1/|z_i|. Follows the caller's grad mode. Synchronises with the device of z, once.
/// Source: Conklin, "Information Structure in Mappings" (arXiv 2505.23960).
/// @throws ShapeError if z has other axes, another d than the space, or another dtype.
at::Tensor soft_entropy(const at::Tensor& z, const AnchoredSpace& space);

/// I(X;Z) = H(Z) − Σ_x w_x H(Z|x) of a batch, in nats, with H(Z) over the positions that have a label, H(Z|x) over
/// those with label x, and w_x of the options (n_x / N, or uniform). For z, result, gradient and source see
/// `soft_entropy`.
///
/// `labels`: integers of any dtype and device, [N] or the leading axes of z; −1 and −100 mean "no label". As a loss
/// term, `loss + beta * soft_mutual_information(stream, tokens, space)` presses on the complexity of a layer:
/// gradients through a plug-in value also see its bias, which at few tokens a label is most of it. Synchronises with
/// the device of z, twice; on CUDA the order of its additions is not fixed.
/// @throws ShapeError as above, or if the labels have another shape or are not integers.
/// @throws ArgumentError if a uint64 label is above 2^63 − 1.
at::Tensor soft_mutual_information(const at::Tensor& z, const at::Tensor& labels, const AnchoredSpace& space);

/// I(context;Z) = H(Z) − mean_i H(p_i) of a batch, in nats: each row is its own value of X. No labels are needed, and
/// no information between labels and these rows exceeds it. For z, result, gradient and source see `soft_entropy`.
/// @throws ShapeError as above.
at::Tensor soft_context_information(const at::Tensor& z, const AnchoredSpace& space);

/// The same with anchors that are drawn for this call; where it is called again, keep an `AnchoredSpace`.
at::Tensor soft_entropy(const at::Tensor& z, const SoftEntropyOptions& options = {});
at::Tensor soft_mutual_information(const at::Tensor& z, const at::Tensor& labels,
                                   const SoftEntropyOptions& options = {});
at::Tensor soft_context_information(const at::Tensor& z, const SoftEntropyOptions& options = {});

}  // namespace infoplane::estimator
