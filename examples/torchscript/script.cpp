#include "script.hpp"

#include <fmt/format.h>
#include <torch/csrc/jit/api/module.h>

#include <utility>

namespace torchscript {
namespace {

using torch::jit::Module;

constexpr std::int64_t kWidth = 64;
constexpr int kBlocks = 3;

Module empty(const char* name) {
  Module module(name);
  module.register_attribute("training", c10::BoolType::get(), true);
  return module;
}

Module with_weight(const char* name, at::Tensor weight) {
  auto module = empty(name);
  module.register_parameter("weight", std::move(weight).set_requires_grad(true), /*is_buffer=*/false);
  return module;
}

Module matrix(std::int64_t rows, std::int64_t columns) {
  return with_weight("Matrix", torch::randn({rows, columns}) * 0.05);
}

Module norm() {
  auto module = with_weight("Norm", torch::ones({kWidth}));
  module.register_parameter("bias", torch::zeros({kWidth}).set_requires_grad(true), /*is_buffer=*/false);
  module.define(fmt::format(R"(
def forward(self, x: Tensor) -> Tensor:
    return torch.layer_norm(x, [{}], self.weight, self.bias)
)",
                            kWidth));
  return module;
}

Module block() {
  auto module = empty("Block");
  module.register_module("ln1", norm());
  module.register_module("qkv", matrix(3 * kWidth, kWidth));
  module.register_module("out", matrix(kWidth, kWidth));
  module.register_module("ln2", norm());
  module.register_module("up", matrix(4 * kWidth, kWidth));
  module.register_module("down", matrix(kWidth, 4 * kWidth));
  module.define(R"(
def forward(self, x: Tensor) -> Tensor:
    q, k, v = torch.chunk(torch.linear(self.ln1.forward(x), self.qkv.weight), 3, -1)
    x = x + torch.linear(torch.scaled_dot_product_attention(q, k, v, None, 0.0, True), self.out.weight)
    return x + torch.linear(torch.gelu(torch.linear(self.ln2.forward(x), self.up.weight)), self.down.weight)
)");
  return module;
}

}  // namespace

void write_model(const std::string& path, std::int64_t vocabulary, std::int64_t context) {
  auto blocks = empty("Blocks");
  std::string calls;
  for (int i = 0; i < kBlocks; ++i) {
    const auto name = std::to_string(i);
    blocks.register_module(name, block());
    calls += fmt::format("    x = getattr(self.blocks, \"{}\").forward(x)\n", name);
  }
  auto model = empty("Model");
  model.register_module("embed", matrix(vocabulary, kWidth));
  model.register_module("position", matrix(context, kWidth));
  model.register_module("blocks", blocks);
  model.register_module("norm", norm());
  model.register_module("head", matrix(vocabulary, kWidth));
  model.define(
      "def forward(self, tokens: Tensor) -> Tensor:\n"
      "    x = torch.embedding(self.embed.weight, tokens) + self.position.weight[:tokens.size(1)]\n" +
      calls + "    return torch.linear(self.norm.forward(x), self.head.weight)\n");
  model.save(path);
}

}  // namespace torchscript
