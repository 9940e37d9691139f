#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <string_view>

namespace infoplane::hooks::detail {

/// The parameter that the tensor is a replica of, as torch::nn::parallel::replicate makes them; else undefined.
at::Tensor original_of(const at::Tensor& tensor);

/// The table of an embedding or the weight of a fused norm; null where the operator is neither or has none.
const at::Tensor* weight_of(std::string_view operator_name, c10::ArrayRef<const c10::IValue> inputs);

}  // namespace infoplane::hooks::detail
