#pragma once

#include <ATen/core/ivalue.h>

#include <vector>

namespace infoplane::hooks::detail {

/// From LibTorch's observer to each open scope of this thread. Nothing leaves by exception.
void operator_started(const void* key, const char* name, c10::ArrayRef<const c10::IValue> inputs) noexcept;
void operator_ended(const void* key, const std::vector<c10::IValue>& results) noexcept;

}  // namespace infoplane::hooks::detail
