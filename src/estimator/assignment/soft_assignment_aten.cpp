#include <ATen/core/Tensor.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <limits>

#include "estimator/assignment/direction_sums.hpp"
#include "estimator/assignment/soft_assignment.hpp"

namespace infoplane::estimator::kernels {

SoftAssignment soft_assignment(const at::Tensor& z, const AnchorPanels& anchors, double epsilon,
                               const std::uint8_t* counted) {
  return z.is_cpu() ? soft_assignment_cpu(z, anchors, epsilon, counted)
                    : soft_assignment_aten(z, anchors, epsilon, counted);
}

namespace {

/// Over the rows of the index; `inverse`: 1 / |row|, `peak`: what the rows were divided by.
void add_row_sums(SoftAssignment& result, const at::Tensor& rows, const at::Tensor& inverse, const at::Tensor& peak,
                  const at::Tensor& used) {
  const auto index = used.to(rows.device());
  const at::Tensor norms = inverse.index_select(0, index);
  const at::Tensor directions =
      rows.index_select(0, index).mul(norms).mul(kDirectionUnit).round().to(at::kLong).sum(0).cpu().contiguous();
  const auto* const values = directions.const_data_ptr<std::int64_t>();
  result.directions.assign(values, values + directions.numel());
  result.inverse_norms = norms.to(at::kDouble).div(peak.index_select(0, index).to(at::kDouble)).sum().item<double>();
}

}  // namespace

SoftAssignment soft_assignment_aten(const at::Tensor& z, const AnchorPanels& anchors, double epsilon,
                                    const std::uint8_t* counted) {
  const std::int64_t m = anchors.anchors();
  const std::int64_t n = z.numel() / anchors.dimension();
  SoftAssignment result;
  result.rows = n;
  result.sum.assign(static_cast<std::size_t>(m), 0.0);
  result.directions.assign(static_cast<std::size_t>(anchors.dimension()), 0);
  if (n == 0) {
    return result;
  }
  at::Tensor rows = z.reshape({n, anchors.dimension()});
  if (rows.scalar_type() != at::kDouble) {
    rows = rows.to(at::kFloat);
  }
  // Divided by its largest element, a row's norm lies between 1 and √d whatever its magnitude.
  const at::Tensor peak = at::amax(rows.abs(), {1}, /*keepdim=*/true);
  const at::Tensor good = at::isfinite(peak).logical_and(peak.gt(0)).squeeze(1).to(at::kCPU, at::kByte).contiguous();
  rows = rows.div(peak).to(at::kFloat);
  const at::Tensor inverse = rows.mul(rows).sum(1, /*keepdim=*/true).rsqrt();
  const at::Tensor scale = inverse.div(epsilon);
  const at::Tensor scores = at::mm(rows, anchors.weight().to(rows.device()).t()).mul(scale);
  const at::Tensor p_there = at::softmax(scores, 1);
  const at::Tensor logarithms = p_there.clamp_min(std::numeric_limits<float>::min()).log();
  const at::Tensor entropies = p_there.mul(logarithms).sum(1).neg().to(at::kCPU).contiguous();
  const at::Tensor probabilities = p_there.to(at::kCPU).contiguous();

  const float* p = probabilities.const_data_ptr<float>();
  result.probabilities = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(n * m));
  std::copy_n(p, n * m, result.probabilities.get());
  result.used.assign(static_cast<std::size_t>(n), 0);
  const float* const h = entropies.const_data_ptr<float>();
  result.entropies.assign(h, h + n);
  const auto* is_good = good.const_data_ptr<std::uint8_t>();
  std::vector<std::int64_t> used;
  for (std::int64_t i = 0; i < n; ++i) {
    if (counted != nullptr && counted[i] == 0) {
      continue;
    }
    if (is_good[i] == 0) {
      ++result.rejected;
      continue;
    }
    result.used[static_cast<std::size_t>(i)] = 1;
    ++result.tokens;
    used.push_back(i);
    for (std::int64_t b = 0; b < m; ++b) {
      result.sum[static_cast<std::size_t>(b)] += p[i * m + b];
    }
  }
  add_row_sums(result, rows, inverse, peak, at::tensor(used, at::kLong));
  return result;
}

}  // namespace infoplane::estimator::kernels
