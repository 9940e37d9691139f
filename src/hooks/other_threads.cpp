#include "hooks/other_threads.hpp"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <infoplane/hooks/tap.hpp>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "hooks/backward.hpp"
#include "hooks/each_tensor.hpp"
#include "hooks/operator_observer.hpp"
#include "hooks/replicas.hpp"
#include "hooks/scope_state.hpp"

namespace infoplane::hooks::detail {
namespace {

/// The open scopes of all threads. One for the process, because LibTorch's observers bring no context along.
struct Lookout {
  std::shared_mutex mutex;
  std::vector<std::shared_ptr<ScopeState>> scopes;
};

Lookout& lookout() {
  static Lookout instance;
  return instance;
}

/// The parameter that an operator uses on something else, or −1: reading it alone is no forward.
int used_parameter(const Plan& plan, c10::ArrayRef<const c10::IValue> inputs) {
  int parameter = -1;
  bool has_other = false;
  for_each_tensor(inputs, [&](const at::Tensor& tensor) {
    if (tensor.defined()) {
      const int known = plan.find(tensor.unsafeGetTensorImpl());
      const int found = known >= 0 ? known : plan.find_alias(tensor);
      const bool is_parameter = found >= 0 && !plan.parameter(found).is_buffer;
      parameter = is_parameter ? found : parameter;
      has_other = has_other || found < 0;
    }
  });
  return has_other ? parameter : -1;
}

}  // namespace

void watch_other_threads(const std::shared_ptr<ScopeState>& scope) {
  if (!scope->watch->plan.has_module()) {
    return;
  }
  const std::unique_lock lock(lookout().mutex);
  lookout().scopes.push_back(scope);
  set_observer_of_all_threads(true);
}

void leave_other_threads(const ScopeState& scope) noexcept {
  const std::unique_lock lock(lookout().mutex);
  auto& scopes = lookout().scopes;
  std::erase_if(scopes, [&](const auto& each) { return each.get() == &scope; });
  set_observer_of_all_threads(!scopes.empty());
}

void operator_started_anywhere(const char* name, c10::ArrayRef<const c10::IValue> inputs) noexcept {
  if (listeners != 0 || in_backward()) {
    return;  // has a scope of its own; or the backward of this forward, on a thread of its device
  }
  const std::shared_lock lock(lookout().mutex);
  for (const auto& scope : lookout().scopes) {
    const bool is_other_work = scope->has_gradients && !at::GradMode::is_enabled();  // an evaluation meanwhile
    if (is_other_work || scope->used_elsewhere >= 0) {
      continue;
    }
    const auto& plan = scope->watch->plan;
    if (const int parameter = used_parameter(plan, inputs); parameter >= 0) {
      scope->used_elsewhere = parameter;
    } else if (const auto* weight = weight_of(name, inputs); weight != nullptr && !scope->replica_ran) {
      scope->replica_ran = plan.find(original_of(*weight).unsafeGetTensorImpl()) >= 0;
    }
  }
}

}  // namespace infoplane::hooks::detail
