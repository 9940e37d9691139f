// Blocks of a diffusion transformer: a linear map of a condition runs before the norm, which has no weights.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  LayerImpl() {
    ada = register_module("ada", nn::Linear(kWidth, 3 * kWidth));
    attn = register_module("attn", Attention());
  }
  Tensor forward(const Tensor& x, const Tensor& condition) {
    const auto parts = ada(torch::silu(condition)).chunk(3, -1);
    const auto normed = nn::functional::layer_norm(x, nn::functional::LayerNormFuncOptions({kWidth}));
    return x + parts[2] * dropout(attn(normed * (1 + parts[1]) + parts[0]));
  }
  nn::Linear ada{nullptr};
  Attention attn{nullptr};
  nn::Dropout dropout{kDropout};
};

struct Net : nn::Module {
  Net() {
    embed = register_module("embed", embedding());
    classes = register_module("classes", nn::Embedding(4, kWidth));
    const auto list = register_module("layers", std::make_shared<TreeImpl>());
    for (int i = 0; i < 3; ++i) {
      layers.push_back(list->register_module(std::to_string(i), std::make_shared<LayerImpl>()));
    }
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    const auto condition = classes(tokens.remainder(4));  // [B, T, C], as large as the stream
    auto x = embed(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->forward(x, condition);
      witness(numbered("layers.", static_cast<int64_t>(i)), x);
    }
    return head(norm(x));
  }
  nn::Embedding embed{nullptr}, classes{nullptr};
  std::vector<std::shared_ptr<LayerImpl>> layers;
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

template <typename Monitor>
Losses train() {
  Net model;
  torch::optim::AdamW optimizer(model.parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [inputs, targets] = batch(step);
    auto observation = monitor.observe(step, inputs, targets);
    const auto loss = loss_of(model.forward(inputs), targets);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    monitor.end_step(step, loss);
    losses.push_back(loss.item<float>());
  }
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: adaptive norms", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
