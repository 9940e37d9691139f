#include "monitor/small_gpt.hpp"

#include <stdexcept>

namespace infoplane::test {

BlockImpl::BlockImpl(int64_t width)
    : ln1(register_module("ln1", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})))),
      mlp(register_module("mlp", torch::nn::Linear(width, width))),
      dropout(register_module("dropout", torch::nn::Dropout(0.1))) {}

at::Tensor BlockImpl::forward(const at::Tensor& x) { return x + dropout(at::gelu(mlp(ln1(x)))); }

SmallGPTImpl::SmallGPTImpl(int64_t vocabulary, int64_t width, int64_t count)
    : embedding(register_module("embedding", torch::nn::Embedding(vocabulary, width))),
      blocks(register_module("blocks", torch::nn::ModuleList())),
      ln_f(register_module("ln_f", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})))),
      head(register_module("head", torch::nn::Linear(width, vocabulary))) {
  for (int64_t i = 0; i < count; ++i) {
    blocks->push_back(Block(width));
  }
}

at::Tensor SmallGPTImpl::forward(const at::Tensor& tokens) {
  streams.clear();
  auto x = embedding(time_major ? tokens.t().contiguous() : tokens);
  streams.push_back(x.detach());
  for (std::size_t i = 0; i < blocks->size(); ++i) {
    if (static_cast<int64_t>(i) == breaks) {
      throw std::runtime_error("out of memory");
    }
    if (static_cast<int64_t>(i) != dropped) {
      x = blocks[i]->as<Block>()->forward(x);
      streams.push_back(x.detach());
    }
  }
  return head(ln_f(x));
}

}  // namespace infoplane::test
