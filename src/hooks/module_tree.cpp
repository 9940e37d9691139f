#include "hooks/module_tree.hpp"

#include <torch/nn/module.h>

namespace infoplane::hooks::detail {

std::vector<NamedTensor> read_tensors(const torch::nn::Module& root) {
  std::vector<NamedTensor> tensors;
  for (const auto& parameter : root.named_parameters()) {
    if (parameter.value().defined()) {
      tensors.push_back({parameter.key(), parameter.value(), false});
    }
  }
  for (const auto& buffer : root.named_buffers()) {
    if (buffer.value().defined()) {
      tensors.push_back({buffer.key(), buffer.value(), true});
    }
  }
  return tensors;
}

}  // namespace infoplane::hooks::detail
