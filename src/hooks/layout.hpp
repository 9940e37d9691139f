#pragma once

#include <ATen/core/Tensor.h>

namespace infoplane::hooks::detail {

/// `stream` itself, or its transpose of axes 0 and 1 where only this has the sizes and the layout of the last stream.
at::Tensor in_layout(const at::Tensor& stream, c10::IntArrayRef last_sizes);

}  // namespace infoplane::hooks::detail
