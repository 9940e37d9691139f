#include "hooks/scripts.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "hooks/models.hpp"

namespace infoplane::testing {
namespace {

using torch::jit::Module;

/// As an export has it, with the flag of training mode.
Module empty(const std::string& name) {
  Module module(name);
  module.register_attribute("training", c10::BoolType::get(), true);
  return module;
}

/// Draws weights without the global generator.
class Weights {
 public:
  explicit Weights(int seed) : generator_(at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(seed))) {}

  Module matrix(const std::string& name, std::int64_t rows, std::int64_t columns) {
    Module module = empty(name);
    add(module, "weight", at::empty({rows, columns}).uniform_(-0.5, 0.5, generator_));
    return module;
  }

  Module norm(const std::string& name, bool has_bias = true) {
    Module module = empty(name);
    add(module, "weight", at::empty({kWidth}).uniform_(0.5, 1.5, generator_));
    if (has_bias) {
      add(module, "bias", at::empty({kWidth}).uniform_(-0.1, 0.1, generator_));
    }
    return module;
  }

 private:
  static void add(Module& module, const std::string& name, at::Tensor tensor) {
    module.register_parameter(name, tensor.set_requires_grad(true), /*is_buffer=*/false);
  }

  at::Generator generator_;
};

/// What attention and MLP are in all of them.
constexpr const char* kParts = R"(
def attend(self, x: Tensor) -> Tensor:
    q, k, v = torch.chunk(torch.linear(x, self.qkv.weight), 3, -1)
    hidden = torch.tril(torch.ones([x.size(1), x.size(1)])) == 0
    scores = torch.masked_fill(torch.matmul(q, torch.transpose(k, -2, -1)), hidden, -10000.0)
    return torch.linear(torch.matmul(torch.softmax(scores, -1), v), self.out.weight)
def feed(self, x: Tensor) -> Tensor:
    return torch.linear(torch.relu(torch.linear(x, self.up.weight)), self.down.weight)
)";

const char* source_of(ScriptBlock block) {
  switch (block) {
    case ScriptBlock::kPreNorm:
      return R"(
def forward(self, x: Tensor) -> Tensor:
    x = x + self.attend(torch.layer_norm(x, [8], self.ln1.weight, self.ln1.bias))
    return x + self.feed(torch.layer_norm(x, [8], self.ln2.weight, self.ln2.bias))
)";
    case ScriptBlock::kPostNorm:
      return R"(
def forward(self, x: Tensor) -> Tensor:
    x = torch.layer_norm(x + self.attend(x), [8], self.ln1.weight, self.ln1.bias)
    return torch.layer_norm(x + self.feed(x), [8], self.ln2.weight, self.ln2.bias)
)";
    case ScriptBlock::kOwnRms:
      return R"(
def rms(self, x: Tensor, weight: Tensor) -> Tensor:
    return x * torch.rsqrt(torch.mean(x * x, [-1], True) + 1e-5) * weight
def forward(self, x: Tensor) -> Tensor:
    x = x + self.attend(self.rms(x, self.ln1.weight))
    return x + self.feed(self.rms(x, self.ln2.weight))
)";
    case ScriptBlock::kBareNorm:
      return R"(
def forward(self, x: Tensor) -> Tensor:
    gate, scale, shift = torch.chunk(torch.linear(torch.mean(x, [1], True), self.ada.weight), 3, -1)
    y = torch.layer_norm(x, [8])
    x = x + gate * self.attend(y * (1 + scale) + shift)
    return x + self.feed(torch.layer_norm(x, [8]))
)";
    case ScriptBlock::kInPlace:
      return R"(
def forward(self, x: Tensor) -> Tensor:
    y = self.attend(torch.layer_norm(x, [8], self.ln1.weight, self.ln1.bias))
    y.add_(x)
    z = self.feed(torch.layer_norm(y, [8], self.ln2.weight, self.ln2.bias))
    z.add_(y)
    return z
)";
    case ScriptBlock::kUnclear:
      return R"(
def forward(self, x: Tensor) -> Tensor:
    half = torch.relu(x)
    return torch.linear(x, self.qkv.weight)[:, :, :8] * torch.linear(torch.sigmoid(half), self.out.weight)
)";
    case ScriptBlock::kDropout:
      break;
  }
  return R"(
def forward(self, x: Tensor) -> Tensor:
    x = x + torch.dropout(self.attend(torch.layer_norm(x, [8], self.ln1.weight, self.ln1.bias)), 0.1, True)
    return x + torch.dropout(self.feed(torch.layer_norm(x, [8], self.ln2.weight, self.ln2.bias)), 0.1, True)
)";
}

Module make_block(ScriptBlock block, Weights& weights) {
  Module module = empty("Block");
  module.register_module("qkv", weights.matrix("Linear", 3 * kWidth, kWidth));
  module.register_module("out", weights.matrix("Linear", kWidth, kWidth));
  module.register_module("up", weights.matrix("Linear", 2 * kWidth, kWidth));
  module.register_module("down", weights.matrix("Linear", kWidth, 2 * kWidth));
  if (block == ScriptBlock::kBareNorm) {
    module.register_module("ada", weights.matrix("Linear", 3 * kWidth, kWidth));
  } else {
    module.register_module("ln1", weights.norm("Norm"));
    module.register_module("ln2", weights.norm("Norm"));
  }
  module.define(std::string(kParts) + source_of(block));
  return module;
}

}  // namespace

Module make_script(ScriptBlock block, int layers, int seed) {
  Weights weights(seed);
  Module model = empty("Model");
  Module blocks = empty("Blocks");
  std::string run;
  for (int i = 0; i < layers; ++i) {
    const auto number = std::to_string(i);
    blocks.register_module(number, make_block(block, weights));
    run += "    x = getattr(self.blocks, \"" + number + "\").forward(x)\n    streams.append(torch.clone(x))\n";
  }
  const auto without_streams = [&] {
    std::string text;
    for (int i = 0; i < layers; ++i) {
      text += "    x = getattr(self.blocks, \"" + std::to_string(i) + "\").forward(x)\n";
    }
    return text;
  };
  model.register_module("embed", weights.matrix("Embedding", kVocabulary, kWidth));
  model.register_module("blocks", blocks);
  model.register_module("norm", weights.norm("Norm"));
  model.register_module("head", weights.matrix("Linear", kVocabulary, kWidth));
  model.define("def forward(self, tokens: Tensor) -> Tensor:\n    x = torch.embedding(self.embed.weight, tokens)\n" +
               without_streams() +
               "    x = torch.layer_norm(x, [8], self.norm.weight, self.norm.bias)\n"
               "    return torch.linear(x, self.head.weight)\n"
               "def streams(self, tokens: Tensor) -> List[Tensor]:\n"
               "    x = torch.embedding(self.embed.weight, tokens)\n"
               "    streams = [torch.clone(x)]\n" +
               run + "    return streams\n");
  return model;
}

}  // namespace infoplane::testing
