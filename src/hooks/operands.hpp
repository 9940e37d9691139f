#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "hooks/flow.hpp"
#include "hooks/plan.hpp"

namespace infoplane::hooks::detail {

/// What an operator is to one who looks for streams.
enum class OperatorClass : std::uint8_t {
  kNorm,
  kProduct,  ///< element by element
  kEmbedding,
  kOfLists,  ///< of optimizers
  kOther,
};
OperatorClass classify(std::string_view name) noexcept;

/// The parameter and the stream among the operands of an operator.
struct Operands {
  int parameter = -1;
  const at::Tensor* parameter_tensor = nullptr;  ///< or what stands for it
  const at::Tensor* stream = nullptr;
  bool only_parameters = true;
  bool first_is_parameter = false;
};

/// Tells which of an operator's operands are parameters, or stand for one: tensors made of parameters alone, such as
/// transposes, casts and sums of adapters.
class OperandFinder {
 public:
  /// The plan is borrowed.
  explicit OperandFinder(Plan& plan) : plan_(plan) {}

  Operands find(OperatorClass op, std::string_view name, c10::ArrayRef<const c10::IValue> inputs) const;
  /// All tensors in order, lists taken apart.
  std::vector<Operand> list(c10::ArrayRef<const c10::IValue> inputs) const;
  /// These results stand for the parameter from now on.
  void derive(const std::vector<c10::IValue>& results, int parameter);

 private:
  struct Derived {
    c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl> tensor;
    int parameter;
  };

  int parameter_of(const at::Tensor& tensor) const;
  Operands of_norm(c10::ArrayRef<const c10::IValue> inputs) const;
  void look_at(Operands& operands, const at::Tensor& tensor, bool is_first) const;

  Plan& plan_;
  std::vector<Derived> derived_;
};

}  // namespace infoplane::hooks::detail
