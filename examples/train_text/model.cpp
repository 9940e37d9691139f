#include "model.hpp"

#include <torch/nn/functional/activation.h>

namespace train_text {
namespace nn = torch::nn;

namespace {

nn::LayerNorm layer_norm(const GPTOptions& options) { return nn::LayerNorm(nn::LayerNormOptions({options.width()})); }

}  // namespace

AttentionImpl::AttentionImpl(const GPTOptions& options)
    : heads_(options.heads()),
      qkv(register_module("qkv", nn::Linear(options.width(), 3 * options.width()))),
      projection(register_module("projection", nn::Linear(options.width(), options.width()))) {
  TORCH_CHECK_VALUE(options.width() % options.heads() == 0, "a width of ", options.width(), " does not divide into ",
                    options.heads(), " heads");
}

torch::Tensor AttentionImpl::forward(const torch::Tensor& x) {
  const auto batch = x.size(0);
  const auto length = x.size(1);
  const auto width = x.size(2);
  auto parts = qkv(x).view({batch, length, 3, heads_, width / heads_}).permute({2, 0, 3, 1, 4}).unbind(0);
  auto mixed = at::scaled_dot_product_attention(parts[0], parts[1], parts[2], /*attn_mask=*/{}, /*dropout_p=*/0.0,
                                                /*is_causal=*/true);
  return projection(mixed.transpose(1, 2).reshape({batch, length, width}));
}

BlockImpl::BlockImpl(const GPTOptions& options)
    : ln1(register_module("ln1", layer_norm(options))),
      attention(register_module("attention", Attention(options))),
      ln2(register_module("ln2", layer_norm(options))),
      expand(register_module("expand", nn::Linear(options.width(), 4 * options.width()))),
      contract(register_module("contract", nn::Linear(4 * options.width(), options.width()))) {}

torch::Tensor BlockImpl::forward(torch::Tensor x) {
  x = x + attention(ln1(x));
  return x + contract(nn::functional::gelu(expand(ln2(x))));
}

GPTImpl::GPTImpl(const GPTOptions& options)
    : options_(options),
      token_embedding(register_module("token_embedding", nn::Embedding(options.vocabulary(), options.width()))),
      position_embedding(register_module("position_embedding", nn::Embedding(options.context(), options.width()))),
      blocks(register_module("blocks", nn::Sequential())),
      ln_f(register_module("ln_f", layer_norm(options))),
      head(register_module("head", nn::Linear(nn::LinearOptions(options.width(), options.vocabulary()).bias(false)))) {
  for (int64_t layer = 0; layer < options.layers(); ++layer) {
    blocks->push_back(Block(options));
  }
  const torch::NoGradGuard no_grad;
  for (auto& parameter : named_parameters()) {
    if (parameter->dim() > 1) {
      parameter->normal_(0.0, 0.02);
    } else if (parameter.key().ends_with("bias")) {
      parameter->zero_();
    }
  }
}

torch::Tensor GPTImpl::embed(const torch::Tensor& tokens) {
  TORCH_CHECK_VALUE(tokens.size(1) <= options_.context(), "rows of ", tokens.size(1), " tokens exceed the context of ",
                    options_.context());
  auto positions = torch::arange(tokens.size(1), tokens.options());
  return token_embedding(tokens) + position_embedding(positions);
}

torch::Tensor GPTImpl::forward(const torch::Tensor& tokens) { return logits(blocks->forward(embed(tokens))); }

std::vector<torch::Tensor> GPTImpl::streams(const torch::Tensor& tokens) {
  std::vector<torch::Tensor> result = {embed(tokens)};
  for (std::size_t layer = 0; layer < blocks->size(); ++layer) {
    result.push_back(blocks->at<BlockImpl>(layer).forward(result.back()));
  }
  return result;
}

}  // namespace train_text
