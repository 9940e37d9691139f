#include "callbacks/script_tensors.hpp"

#include <torch/csrc/jit/api/module.h>
#include <torch/nn/module.h>

namespace infoplane::callbacks {

std::shared_ptr<torch::nn::Module> module_of(const torch::jit::Module& script) {
  auto module = std::make_shared<torch::nn::Module>("script");
  for (const auto& [name, tensor] : script.named_parameters(/*recurse=*/false)) {
    module->register_parameter(name, tensor, tensor.requires_grad());  // which sets that flag
  }
  for (const auto& [name, tensor] : script.named_buffers(/*recurse=*/false)) {
    module->register_buffer(name, tensor);
  }
  for (const auto& [name, child] : script.named_children()) {
    module->register_module(name, module_of(child));
  }
  return module;
}

}  // namespace infoplane::callbacks
