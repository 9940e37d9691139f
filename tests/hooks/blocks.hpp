#pragma once

#include <torch/nn.h>

#include "hooks/models.hpp"

namespace infoplane::testing {

/// A module that only holds others.
struct TreeImpl : torch::nn::Module {};

/// Causal attention of one head with LibTorch's Linear.
struct AttentionImpl : torch::nn::Module {
  AttentionImpl()
      : qkv(register_module("qkv", torch::nn::Linear(kWidth, 3 * kWidth))),
        out(register_module("out", torch::nn::Linear(kWidth, kWidth))) {}

  at::Tensor forward(const at::Tensor& x) {  // [B, T, C]
    const auto parts = qkv(x).chunk(3, -1);
    const auto mask = at::ones({x.size(1), x.size(1)}, x.options().dtype(at::kBool)).tril().logical_not();
    const auto scores = parts[0].matmul(parts[1].transpose(-2, -1)).masked_fill(mask, -1e4);
    return out(scores.softmax(-1).matmul(parts[2]));
  }

  torch::nn::Linear qkv, out;
};
TORCH_MODULE(Attention);

struct MlpImpl : torch::nn::Module {
  MlpImpl()
      : up(register_module("up", torch::nn::Linear(kWidth, 2 * kWidth))),
        down(register_module("down", torch::nn::Linear(2 * kWidth, kWidth))) {}

  at::Tensor forward(const at::Tensor& x) { return down(at::relu(up(x))); }

  torch::nn::Linear up, down;
};
TORCH_MODULE(Mlp);

/// Pre-norm block; the norms are registered behind the maps, as some trainers do.
struct BlockImpl : torch::nn::Module {
  explicit BlockImpl(double dropout_rate = 0)
      : attention(register_module("attn", Attention())),
        mlp(register_module("mlp", Mlp())),
        ln1(register_module("ln1", torch::nn::LayerNorm(torch::nn::LayerNormOptions({kWidth})))),
        ln2(register_module("ln2", torch::nn::LayerNorm(torch::nn::LayerNormOptions({kWidth})))),
        dropout(register_module("dropout", torch::nn::Dropout(dropout_rate))) {}

  at::Tensor forward(at::Tensor x) {
    x = x + dropout(attention(ln1(x)));
    middle = x.detach().clone();
    return x + dropout(mlp(ln2(x)));
  }

  Attention attention;
  Mlp mlp;
  torch::nn::LayerNorm ln1, ln2;
  torch::nn::Dropout dropout;
  at::Tensor middle;
};
TORCH_MODULE(Block);

}  // namespace infoplane::testing
