#include <ATen/core/Tensor.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/estimator/assignment/temperature.hpp>
#include <infoplane/estimator/differentiable.hpp>
#include <limits>

#include "estimator/assignment/input_checks.hpp"

namespace infoplane::estimator {
namespace {

/// While it lives, autocast leaves the dtypes alone; gradients are recorded as the caller wants.
using NoAutocast = c10::impl::ExcludeDispatchKeyGuard;

/// A copy that a backward pass can use also where it is made inside of inference mode.
at::Tensor on_device(const at::Tensor& weight, at::Device device) {
  const c10::InferenceMode no_inference(false);
  const PlainArithmetic plain;
  return weight.to(device);
}

/// Rows that count, with their graph.
struct Rows {
  at::Tensor values;  // [n, d], float64 or float32
  at::Tensor peaks;   // [n, 1], largest magnitude of each row, without graph
  at::Tensor labels;  // int64 [n], or undefined
};

/// `labels`: int64 [N] or undefined.
Rows counted_rows(const at::Tensor& z, const at::Tensor& labels) {
  Rows rows;
  rows.values = z.reshape({row_count(z), z.size(-1)});
  if (z.scalar_type() != at::kDouble) {
    rows.values = rows.values.to(at::kFloat);
  }
  at::Tensor kept;
  {
    const at::NoGradGuard no_grad;
    rows.peaks = at::amax(rows.values.abs(), {1}, /*keepdim=*/true);
    at::Tensor counts = at::isfinite(rows.peaks).logical_and(rows.peaks.gt(0)).squeeze(1);
    if (labels.defined()) {
      rows.labels = labels.to(z.device());
      counts = counts.logical_and(rows.labels.ne(-1)).logical_and(rows.labels.ne(-100));
    }
    kept = at::nonzero(counts).squeeze(1);
    if (kept.size(0) == counts.size(0)) {
      return rows;
    }
    rows.peaks = rows.peaks.index_select(0, kept);
    rows.labels = labels.defined() ? rows.labels.index_select(0, kept) : at::Tensor();
  }
  rows.values = rows.values.index_select(0, kept);  // so that other rows have gradient 0, whatever they hold
  return rows;
}

/// [n, m] in float64, from scores and a softmax in the rows' dtype.
at::Tensor soft_assignments(const Rows& rows, const AnchoredSpace& space) {
  // A constant factor moves neither a row's direction nor its gradient, and keeps the squares inside of float32.
  const at::Tensor values = rows.values.div(rows.peaks);
  const at::Tensor scale = values.mul(values).sum(1, /*keepdim=*/true).rsqrt().div(space.temperature());
  const at::Tensor weight = on_device(space.weight(), values.device()).to(values.scalar_type());
  return at::softmax(at::mm(values, weight).mul(scale), 1).to(at::kDouble);
}

/// −Σ q_b log q_b over the last axis, with q = sums / Σ sums. Where q_b is 0, its logarithm is large instead of
/// infinite, so that it times 0 is 0 in both directions.
at::Tensor entropy_of_rows(const at::Tensor& sums) {
  const at::Tensor q = sums.div(sums.sum(-1, /*keepdim=*/true));
  return q.mul(q.clamp_min(std::numeric_limits<double>::min()).log()).sum(-1).neg();
}

}  // namespace

AnchoredSpace::AnchoredSpace(std::int64_t d, const SoftEntropyOptions& options)
    : options_(options),
      anchors_(options.anchors(), d, options.seed(), options.raw_seed() ? Anchors::Rule::kRaw : Anchors::Rule::kMixed),
      temperature_(estimator::temperature(d, options.anchors(), options.calibration())),
      weight_(on_device(anchors_.weight(), at::kCPU).t()) {}

AnchoredSpace::AnchoredSpace(const SoftEntropyAccumulator& accumulator)
    : options_(accumulator.options()),
      anchors_(accumulator.anchors()),
      temperature_(accumulator.temperature()),
      weight_(on_device(anchors_.weight(), at::kCPU).t()) {}

AnchoredSpace AnchoredSpace::to(at::Device device) const {
  AnchoredSpace moved = *this;
  moved.weight_ = on_device(weight_, device);
  return moved;
}

at::Tensor soft_entropy(const at::Tensor& z, const AnchoredSpace& space) {
  const NoAutocast no_autocast(c10::autocast_dispatch_keyset);
  check_representations(z, space.dimension());
  const Rows rows = counted_rows(z, {});
  return entropy_of_rows(soft_assignments(rows, space).sum(0)).to(rows.values.scalar_type());
}

at::Tensor soft_mutual_information(const at::Tensor& z, const at::Tensor& labels, const AnchoredSpace& space) {
  const NoAutocast no_autocast(c10::autocast_dispatch_keyset);
  check_representations(z, space.dimension());
  const Rows rows = counted_rows(z, checked_label_tensor("the labels", labels, z));
  const auto [values, label, counts] =
      at::_unique2(rows.labels, /*sorted=*/true, /*return_inverse=*/true, /*return_counts=*/true);
  const at::Tensor p = soft_assignments(rows, space);
  const at::Tensor sums = at::zeros({values.size(0), p.size(1)}, p.options()).index_add(0, label, p);
  const at::Tensor by_label = entropy_of_rows(sums);
  const at::Tensor conditional = space.options().label_weights() == LabelWeights::kUniform
                                     ? by_label.mean()
                                     : by_label.mul(counts).sum().div(static_cast<double>(p.size(0)));
  return entropy_of_rows(sums.sum(0)).sub(conditional).to(rows.values.scalar_type());
}

at::Tensor soft_context_information(const at::Tensor& z, const AnchoredSpace& space) {
  const NoAutocast no_autocast(c10::autocast_dispatch_keyset);
  check_representations(z, space.dimension());
  const Rows rows = counted_rows(z, {});
  const at::Tensor p = soft_assignments(rows, space);
  return entropy_of_rows(p.sum(0)).sub(entropy_of_rows(p).mean()).to(rows.values.scalar_type());
}

at::Tensor soft_entropy(const at::Tensor& z, const SoftEntropyOptions& options) {
  return soft_entropy(z, AnchoredSpace(z.defined() && z.dim() > 0 ? z.size(-1) : 2, options));
}

at::Tensor soft_mutual_information(const at::Tensor& z, const at::Tensor& labels, const SoftEntropyOptions& options) {
  return soft_mutual_information(z, labels, AnchoredSpace(z.defined() && z.dim() > 0 ? z.size(-1) : 2, options));
}

at::Tensor soft_context_information(const at::Tensor& z, const SoftEntropyOptions& options) {
  return soft_context_information(z, AnchoredSpace(z.defined() && z.dim() > 0 ? z.size(-1) : 2, options));
}

}  // namespace infoplane::estimator
