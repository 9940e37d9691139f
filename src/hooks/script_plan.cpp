// What TorchScript makes of parameters and operators: it runs a script as it is written a few times, and then rewrites
// it.
#include <algorithm>

#include "hooks/backward.hpp"
#include "hooks/pass.hpp"
#include "hooks/plan.hpp"

namespace infoplane::hooks::detail {

/// A use is found by the names of operators without parameters, which may be others in the next pass.
bool Plan::reads_rewritable() const {
  const auto is_rewritable = [](const Use& use) { return use.reading == Reading::kLater || use.at_addition; };
  return !first_uses_.empty() || std::any_of(parameters_.begin(), parameters_.end(), [&](const Parameter& parameter) {
    return std::any_of(parameter.uses.begin(), parameter.uses.end(), is_rewritable);
  });
}

void Plan::unlearn() {
  first_uses_.clear();
  for (auto& parameter : parameters_) {
    parameter.uses.clear();
  }
  for (auto& block : blocks_) {
    block.resolved = false;
  }
  for (auto& stack : stacks_) {
    stack.tail_resolved = false;
  }
  relearns_ = true;
  settle();
}

void Plan::begin_pass() {
  if (!is_script()) {
    return;
  }
  if (relearns_ || reads_rewritable()) {
    unlearn();
  }
  by_memory_.clear();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].tensor.has_storage()) {
      by_memory_[parameters_[i].tensor.const_data_ptr()].push_back(static_cast<int>(i));
    }
  }
}

int Plan::find_alias(const at::Tensor& tensor) const {
  if (by_memory_.empty() || !tensor.defined() || !tensor.has_storage()) {
    return -1;
  }
  const auto found = by_memory_.find(tensor.const_data_ptr());
  if (found == by_memory_.end()) {
    return -1;
  }
  for (const int parameter : found->second) {
    const auto& known = parameters_[parameter].tensor;
    if (known.is_alias_of(tensor) && known.sizes() == tensor.sizes() && known.strides() == tensor.strides()) {
      return parameter;
    }
  }
  return -1;
}

/// What comes of a kernel is made of nobody knows what, so nothing is learnt behind one.
void Pass::note_fused(const char* name) {
  if (!in_backward()) {
    fused_ = name;
    if (resolves()) {
      resolver_->stop();
    }
  }
}

}  // namespace infoplane::hooks::detail
