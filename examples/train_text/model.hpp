#pragma once

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <vector>

namespace train_text {

/// Sizes of a GPT.
struct GPTOptions {
  TORCH_ARG(int64_t, vocabulary) = 256;
  TORCH_ARG(int64_t, context) = 64;  ///< longest row of tokens
  TORCH_ARG(int64_t, width) = 64;    ///< of the residual stream; a multiple of heads
  TORCH_ARG(int64_t, layers) = 3;
  TORCH_ARG(int64_t, heads) = 4;
};

/// Causal self-attention with several heads, [B, T, width] to the same.
class AttentionImpl : public torch::nn::Module {
 public:
  explicit AttentionImpl(const GPTOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  int64_t heads_;
  torch::nn::Linear qkv, projection;
};
TORCH_MODULE(Attention);

/// One pre-norm transformer block, [B, T, width] to the same.
class BlockImpl : public torch::nn::Module {
 public:
  explicit BlockImpl(const GPTOptions& options);
  torch::Tensor forward(torch::Tensor x);

 private:
  torch::nn::LayerNorm ln1;
  Attention attention;
  torch::nn::LayerNorm ln2;
  torch::nn::Linear expand, contract;
};
TORCH_MODULE(Block);

/// A decoder-only transformer with learned positions and an untied head.
class GPTImpl : public torch::nn::Module {
 public:
  /// Draws all matrices from N(0, 0.02) with LibTorch's default generator.
  explicit GPTImpl(const GPTOptions& options);

  /// @param tokens int64 [B, T], T at most the context
  /// @return logits of the next token, float32 [B, T, vocabulary]
  torch::Tensor forward(const torch::Tensor& tokens);
  /// The residual stream [B, T, width] after the embedding and after each block; `logits` of the last is the forward.
  std::vector<torch::Tensor> streams(const torch::Tensor& tokens);
  torch::Tensor logits(const torch::Tensor& stream) { return head(ln_f(stream)); }

  const GPTOptions& options() const noexcept { return options_; }

 private:
  torch::Tensor embed(const torch::Tensor& tokens);

  GPTOptions options_;
  torch::nn::Embedding token_embedding, position_embedding;
  torch::nn::Sequential blocks;
  torch::nn::LayerNorm ln_f;
  torch::nn::Linear head;
};
TORCH_MODULE(GPT);

}  // namespace train_text
