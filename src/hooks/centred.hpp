#pragma once

#include <ATen/core/Tensor.h>

namespace infoplane::hooks::detail {

/// Whether each row of `stream` [.., d] sums to 0, as behind a LayerNorm without bias. Waits for the device.
bool is_centred(const at::Tensor& stream);

}  // namespace infoplane::hooks::detail
