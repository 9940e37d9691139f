#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace torch::nn {
class Module;
}  // namespace torch::nn
namespace torch::jit {
struct Module;
}  // namespace torch::jit

namespace infoplane::hooks::detail {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
  bool is_buffer = false;
};

/// The defined parameters of the tree, then its buffers, in the order of registration; a tied one under each name.
std::vector<NamedTensor> read_tensors(const torch::nn::Module& root);

/// Likewise of a TorchScript module. @throws ArgumentError if it is frozen
std::vector<NamedTensor> read_tensors(const torch::jit::Module& root);

}  // namespace infoplane::hooks::detail
