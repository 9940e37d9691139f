#pragma once

#include <ATen/core/Tensor.h>

namespace infoplane::simulation {

/// The extrapolation that the shipped one grew from, for comparison in the study: parts by occurrence mod 4 instead of
/// by sequence, one way to halve a label instead of three, one permutation behind the null curve, which is linear in
/// log n, a twentieth of the sums over all labels in each bucket's, and tokens as if all were independent. `z` [..., d]
/// float32 and `labels` [...] int64 in [0, count). Returns the corrected I(X;Z) in nats.
double rn2b(const at::Tensor& z, const at::Tensor& labels, std::int64_t count);

}  // namespace infoplane::simulation
