// A trainer that wants forward hooks and nothing else of the library.
#include <infoplane/hooks/hookable.hpp>
#include <infoplane/hooks/raw_tap.hpp>
#include <infoplane/hooks/watch.hpp>

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <cstdio>
#include <string>

struct BlockImpl : torch::nn::Module {
  BlockImpl() {
    norm = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({4})));
    map = register_module("map", torch::nn::Linear(4, 4));
  }
  torch::Tensor forward(const torch::Tensor& x) { return x + map(norm(x)); }
  torch::nn::LayerNorm norm{nullptr};
  torch::nn::Linear map{nullptr};
};
INFOPLANE_MODULE(Block);

struct Net : torch::nn::Module {
  Net() { blocks = register_module("blocks", torch::nn::ModuleList(Block(), Block())); }
  torch::Tensor forward(torch::Tensor x) {
    for (const auto& block : *blocks) {
      x = block->as<Block>()->forward(x);
    }
    return x;
  }
  torch::nn::ModuleList blocks{nullptr};
};

int main() {
  Net net;
  int hooked = 0;
  auto handle = net.blocks[0]->as<Block>()->register_forward_hook([&](auto&&...) { ++hooked; });
  auto watcher = infoplane::watch(net);
  std::string names;
  auto scope =
      watcher.observe([&](const infoplane::hooks::Site& site, const at::Tensor&) { names += site.name + ' '; });
  net.forward(torch::ones({2, 3, 4}));
  const float memory[4] = {1, 2, 3, 4};
  infoplane::tap_raw("own.0", [&] { return infoplane::RawTensor{.data = memory, .sizes = {2, 2}}; });
  scope.finish();
  handle.remove();
  net.forward(torch::ones({2, 3, 4}));
  std::printf("%d hook call, sites %s\n", hooked, names.c_str());
  return 0;
}
