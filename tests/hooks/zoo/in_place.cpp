// Tokens and stream are written to in place: the model clamps the tokens it was given, and each block adds to the
// tensor that entered it, so that all streams share one memory. A capture reads at the moment of the norm.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  LayerImpl() {
    ln1 = register_module("ln1", layer_norm());
    attn = register_module("attn", Attention());
    ln2 = register_module("ln2", layer_norm());
    mlp = register_module("mlp", Mlp());
  }
  Tensor& forward(Tensor& x) {  // autograd needs what a norm read, so the norm gets a copy
    x.add_(attn(ln1(x.clone())));
    return x.add_(mlp(ln2(x.clone())));
  }
  nn::LayerNorm ln1{nullptr}, ln2{nullptr};
  Attention attn{nullptr};
  Mlp mlp{nullptr};
};
TORCH_MODULE(Layer);

struct Net : nn::Module {
  Net() {
    embed = register_module("embed", embedding());
    positions = register_parameter("positions", torch::randn({6, kWidth}) * 0.1);
    layers = register_module("layers", nn::ModuleList(Layer(), Layer(), Layer()));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(Tensor& tokens) {
    tokens.clamp_(0, kVocabulary - 1);
    auto x = embed(tokens);
    x.add_(positions);
    witness("embedding", x);
    for (std::size_t i = 0; i < layers->size(); ++i) {
      layers[i]->as<Layer>()->forward(x);
      witness(numbered("layers.", i), x);
    }
    return head(norm(x));
  }
  nn::Embedding embed{nullptr};
  Tensor positions;
  nn::ModuleList layers{nullptr};
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
    auto [inputs, targets] = batch(step);
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

TEST_CASE("zoo: in-place writes to the input", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
