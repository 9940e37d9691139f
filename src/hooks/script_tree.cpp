// The parameters and buffers of a TorchScript module.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/ir/ir.h>

#include <algorithm>
#include <infoplane/core/error.hpp>

#include "hooks/module_tree.hpp"

namespace infoplane::hooks::detail {
namespace {

/// A weight that stands in the code.
bool is_weight(const torch::jit::Node& node) {
  const auto value = node.kind() == c10::prim::Constant && node.hasAttribute(c10::attr::value) &&
                             node.kindOf(c10::attr::value) == torch::jit::AttributeKind::t
                         ? node.t(c10::attr::value)
                         : at::Tensor();
  return value.defined() && value.is_floating_point() && value.dim() >= 2;
}

/// Freezing takes away the flag of training mode, and makes weights constants of the code.
bool is_frozen(const torch::jit::Module& root) {
  if (root.hasattr("training")) {
    return false;
  }
  const auto method = root.find_method("forward");
  if (!method) {
    return false;
  }
  const auto graph = method->graph();
  const auto nodes = graph->nodes();
  return std::any_of(nodes.begin(), nodes.end(), [](const torch::jit::Node* node) { return is_weight(*node); });
}

}  // namespace

std::vector<NamedTensor> read_tensors(const torch::jit::Module& root) {
  std::vector<NamedTensor> tensors;
  const auto read = [&](const auto& list, bool is_buffer) {
    for (const auto& each : list) {
      if (each.value.defined()) {
        tensors.push_back({each.name, each.value, is_buffer});
      }
    }
  };
  read(root.named_parameters(), false);
  INFOPLANE_CHECK(!tensors.empty() && !is_frozen(root), ArgumentError, "the TorchScript module ",
                  root.type()->name()->qualifiedName(), " has ", tensors.size(),
                  " parameters, and weights that are constants of its code: torch::jit::freeze and "
                  "optimize_for_inference make them so. Train and watch the module as it was exported, and freeze a "
                  "copy of it: torch::jit::freeze(module.deepcopy())");
  read(root.named_buffers(), true);
  return tensors;
}

}  // namespace infoplane::hooks::detail
