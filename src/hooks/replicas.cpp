#include "hooks/replicas.hpp"

#include <torch/csrc/autograd/functions/accumulate_grad.h>

#include "hooks/operands.hpp"

namespace infoplane::hooks::detail {

// LibTorch sends the gradient of each replica's parameter to the original, by a function of that name.
at::Tensor original_of(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.requires_grad() || tensor.is_leaf()) {
    return {};
  }
  const auto function = tensor.grad_fn();
  if (!function || function->next_edges().empty() || !function->name().ends_with("ReduceAdd")) {
    return {};
  }
  const auto* end = dynamic_cast<const torch::autograd::AccumulateGrad*>(function->next_edge(0).function.get());
  return end == nullptr ? at::Tensor() : end->variable;
}

const at::Tensor* weight_of(std::string_view operator_name, c10::ArrayRef<const c10::IValue> inputs) {
  const auto op = classify(operator_name);
  const std::size_t place = op == OperatorClass::kEmbedding ? 0 : 2;
  const bool has_one = op == OperatorClass::kEmbedding || op == OperatorClass::kNorm;
  return has_one && place < inputs.size() && inputs[place].isTensor() ? &inputs[place].toTensor() : nullptr;
}

}  // namespace infoplane::hooks::detail
