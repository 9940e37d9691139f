#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <vector>

namespace infoplane::test {

/// x + MLP(LN(x)): the least that has a residual stream and a norm at its entry.
struct BlockImpl : torch::nn::Module {
  explicit BlockImpl(int64_t width);
  at::Tensor forward(const at::Tensor& x);
  torch::nn::LayerNorm ln1{nullptr};
  torch::nn::Linear mlp{nullptr};
  torch::nn::Dropout dropout{nullptr};
};
TORCH_MODULE(Block);

/// Embedding, blocks, final norm, head. Keeps the streams of its last forward for the tests to compare with.
struct SmallGPTImpl : torch::nn::Module {
  SmallGPTImpl(int64_t vocabulary, int64_t width, int64_t blocks);
  at::Tensor forward(const at::Tensor& tokens);
  torch::nn::Embedding embedding{nullptr};
  torch::nn::ModuleList blocks{nullptr};
  torch::nn::LayerNorm ln_f{nullptr};
  torch::nn::Linear head{nullptr};
  std::vector<at::Tensor> streams;
  bool time_major = false;
  int64_t dropped = -1;  ///< a block that the forward leaves out
  int64_t breaks = -1;   ///< a block in front of which the forward throws
};
TORCH_MODULE(SmallGPT);

}  // namespace infoplane::test
