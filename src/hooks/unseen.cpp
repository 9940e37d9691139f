// Forwards of the model that no observer of this thread sees as such.
#include <algorithm>
#include <infoplane/core/error.hpp>

#include "hooks/pass.hpp"
#include "hooks/replicas.hpp"

namespace infoplane::hooks::detail {

void Pass::note_replica(std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
  const auto* weight = replica_ran_ ? nullptr : weight_of(name, inputs);
  replica_ran_ = replica_ran_ || (weight != nullptr && plan_.find(original_of(*weight).unsafeGetTensorImpl()) >= 0);
}

void Pass::note_copy(c10::ArrayRef<const c10::IValue> inputs) {
  const int parameter =
      !inputs.empty() && inputs[0].isTensor() ? plan_.find(inputs[0].toTensor().unsafeGetTensorImpl()) : -1;
  if (parameter >= 0) {
    copied_.resize(plan_.parameters().size(), false);
    copied_[static_cast<std::size_t>(parameter)] = true;
  }
}

/// Names of the wanted sites that did not come.
std::string Pass::missing() const {
  std::string names;
  for (std::size_t i = 0; i < plan_.records().size(); ++i) {
    const auto& record = plan_.records()[i];
    const bool is_missing =
        record.wanted && !record.dropped && !is_handed_over(record.site.kind) && !has_come(static_cast<int>(i));
    names += is_missing ? (names.empty() ? "" : ", ") + record.site.name : "";
  }
  return names;
}

void Pass::require_seen(int elsewhere, bool replica_ran) const {
  const auto names = missing();
  if (names.empty()) {
    return;
  }
  INFOPLANE_CHECK(
      fused_.empty(), SiteError, names, " did not come: TorchScript has fused operators of the forward (", fused_,
      "), and nothing is seen inside of a fused kernel. Call torch::jit::overrideCanFuseOnCPU(false) and "
      "overrideCanFuseOnGPU(false), of <torch/csrc/jit/codegen/fuser/interface.h>, before the module's first forward");
  INFOPLANE_CHECK(elsewhere < 0, SiteError, names, " did not come, and ", plan_.parameter(elsewhere).names.front(),
                  " was used on another thread than the one that opened the scope, where nothing is seen: run the "
                  "forward of observed steps on that thread; or open a scope in the other one, with a watcher or "
                  "monitor of its own, for the tokens that it reads");
  const auto counts = [&](const Parameter& parameter) {
    const auto i = static_cast<std::size_t>(&parameter - plan_.parameters().data());
    return parameter.is_buffer || (i < copied_.size() && copied_[i]);
  };
  const bool ran_as_copy =
      fires_ == 0 && !copied_.empty() && std::all_of(plan_.parameters().begin(), plan_.parameters().end(), counts);
  INFOPLANE_CHECK(!ran_as_copy && !replica_ran && !replica_ran_, SiteError, names,
                  " did not come, and replicas of the model ran, or it was copied inside the scope: replicas, as of "
                  "torch::nn::parallel::data_parallel, have other parameters and are not followed. Run observed steps "
                  "without them, such as monitor.observes(step) ? model->forward(x) : data_parallel(model, x)");
}

}  // namespace infoplane::hooks::detail
