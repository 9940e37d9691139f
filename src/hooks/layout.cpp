#include "hooks/layout.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/transpose.h>
#include <ATen/record_function.h>

namespace infoplane::hooks::detail {

at::Tensor in_layout(const at::Tensor& stream, c10::IntArrayRef last_sizes) {
  if (stream.dim() != 3 || last_sizes.size() != 3) {
    return stream;
  }
  const bool swapped = stream.size(0) == last_sizes[1] && stream.size(1) == last_sizes[0];
  if (!swapped || (stream.size(0) == stream.size(1) && stream.is_contiguous())) {
    return stream;
  }
  const at::DisableRecordFunctionGuard unobserved;
  const at::NoGradGuard no_grad;
  return stream.transpose(0, 1);
}

}  // namespace infoplane::hooks::detail
