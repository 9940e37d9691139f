#pragma once

#include <ATen/core/ivalue.h>

namespace infoplane::hooks::detail {

/// Visits the tensors among the arguments of an operator in order, lists taken apart.
template <typename Visit>
void for_each_tensor(c10::ArrayRef<const c10::IValue> inputs, const Visit& visit) {
  for (const auto& input : inputs) {
    if (input.isTensor()) {
      visit(input.toTensor());
    } else if (input.isTensorList()) {
      for (const auto& element : input.toListRef()) {
        visit(element.toTensor());
      }
    }
  }
}

}  // namespace infoplane::hooks::detail
