#include "hooks/operands.hpp"

#include <algorithm>
#include <array>

#include "hooks/each_tensor.hpp"
#include "hooks/operator_kind.hpp"

namespace infoplane::hooks::detail {
namespace {

constexpr std::size_t kMostDerived = 64;  // transposes and casts live for an operator or two

bool is_stream(const at::Tensor& tensor) { return tensor.defined() && tensor.dim() >= 2 && tensor.is_floating_point(); }

/// The only operators whose stream may have the sizes of the parameter.
bool multiplies_matrices(std::string_view name) {
  constexpr std::array kNames = {"linear", "matmul", "mm", "mv", "einsum", "conv", "inner", "tensordot"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [&](const char* part) { return name.find(part) != std::string_view::npos; });
}

}  // namespace

OperatorClass classify(std::string_view name) noexcept {
  if (!name.starts_with("aten::")) {
    return OperatorClass::kOther;
  }
  if (is_fused_norm(name)) {
    return OperatorClass::kNorm;
  }
  name.remove_prefix(6);
  if (name == "mul" || name == "mul_" || name == "multiply" || name == "addcmul") {
    return OperatorClass::kProduct;
  }
  if (name == "embedding") {
    return OperatorClass::kEmbedding;
  }
  if (!name.starts_with('_')) {
    return OperatorClass::kOther;
  }
  constexpr std::array kPrefixes = {"_foreach_", "_fused_adam", "_fused_sgd", "_fused_adagrad", "_amp_"};
  const auto starts = [&](const char* prefix) { return name.starts_with(prefix); };
  return std::any_of(kPrefixes.begin(), kPrefixes.end(), starts) ? OperatorClass::kOfLists : OperatorClass::kOther;
}

int OperandFinder::parameter_of(const at::Tensor& tensor) const {
  if (const int parameter = plan_.find(tensor.unsafeGetTensorImpl()); parameter >= 0) {
    return parameter;
  }
  for (const auto& [derived, parameter] : derived_) {
    if (derived._unsafe_get_target() == tensor.unsafeGetTensorImpl()) {
      return parameter;  // the address is not reused while the weak pointer stands
    }
  }
  return plan_.find_alias(tensor);
}

Operands OperandFinder::of_norm(c10::ArrayRef<const c10::IValue> inputs) const {
  Operands operands;  // (input, normalized_shape, weight, …)
  if (inputs.size() > 2 && inputs[0].isTensor() && inputs[2].isTensor() && inputs[2].toTensor().defined()) {
    operands.stream = &inputs[0].toTensor();
    operands.parameter = parameter_of(inputs[2].toTensor());
  }
  return operands;
}

/// Takes the next operand in, of which a parameter goes before a buffer, and the first stream is that.
void OperandFinder::look_at(Operands& operands, const at::Tensor& tensor, bool is_first) const {
  if (const int parameter = parameter_of(tensor); parameter >= 0) {
    if (operands.parameter < 0 || plan_.parameters()[operands.parameter].is_buffer) {
      operands.parameter = parameter;
      operands.parameter_tensor = &tensor;
    }
    operands.first_is_parameter = operands.first_is_parameter || is_first;
  } else if (tensor.defined()) {
    operands.only_parameters = false;
    operands.stream = operands.stream == nullptr && is_stream(tensor) ? &tensor : operands.stream;
  }
}

Operands OperandFinder::find(OperatorClass op, std::string_view name, c10::ArrayRef<const c10::IValue> inputs) const {
  if (op == OperatorClass::kNorm) {
    return of_norm(inputs);
  }
  Operands operands;
  bool is_first = true;
  for_each_tensor(inputs, [&](const at::Tensor& tensor) {
    look_at(operands, tensor, is_first);
    is_first = false;
  });
  // Element by element with the parameter: a gradient, a moving average, the anchor of a penalty.
  const bool is_elementwise = operands.stream != nullptr && operands.parameter >= 0 &&
                              operands.stream->sizes() == operands.parameter_tensor->sizes() &&
                              !multiplies_matrices(name);
  operands.stream = is_elementwise ? nullptr : operands.stream;
  return operands;
}

void OperandFinder::derive(const std::vector<c10::IValue>& results, int parameter) {
  for (const auto& result : results) {
    if (!result.isTensor() || plan_.find(result.toTensor().unsafeGetTensorImpl()) >= 0) {
      continue;
    }
    if (derived_.size() == kMostDerived) {
      derived_.erase(derived_.begin());
    }
    using Weak = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
    derived_.push_back({Weak(result.toTensor().getIntrusivePtr()), parameter});
  }
}

std::vector<Operand> OperandFinder::list(c10::ArrayRef<const c10::IValue> inputs) const {
  std::vector<Operand> operands;
  for_each_tensor(inputs, [&](const at::Tensor& tensor) {
    if (tensor.defined()) {
      operands.push_back({&tensor, static_cast<int>(operands.size()), parameter_of(tensor)});
    }
  });
  return operands;
}

}  // namespace infoplane::hooks::detail
