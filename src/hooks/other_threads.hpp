#pragma once

#include <ATen/core/ivalue.h>

#include <memory>

namespace infoplane::hooks::detail {

struct ScopeState;

/// Notes from now on where a thread without a scope runs an operator with a parameter of this one, or of its replicas:
/// nothing is captured there. Nothing happens for a scope without parameters.
void watch_other_threads(const std::shared_ptr<ScopeState>& scope);
/// No longer, on whatever thread this is called.
void leave_other_threads(const ScopeState& scope) noexcept;

/// An operator begins on some thread while a scope is looked out for.
void operator_started_anywhere(const char* name, c10::ArrayRef<const c10::IValue> inputs) noexcept;

}  // namespace infoplane::hooks::detail
