#pragma once

#include <memory>

namespace torch::nn {
class Module;
}
namespace torch::jit {
struct Module;
}

namespace infoplane::callbacks {

/// A tree of modules that holds the very parameters and buffers of a TorchScript module, under their names.
std::shared_ptr<torch::nn::Module> module_of(const torch::jit::Module& script);

}  // namespace infoplane::callbacks
