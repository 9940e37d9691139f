// A moving average of the weights lives in a clone of the model; in the middle of the step the clone is evaluated and
// the model itself generates, with gradients on and while the observation is open.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Cloneable<LayerImpl> {
  LayerImpl() { reset(); }
  void reset() override {
    ln = register_module("ln", layer_norm());
    up = register_module("up", nn::Linear(kWidth, 16));
    down = register_module("down", nn::Linear(16, kWidth));
    dropout = register_module("dropout", nn::Dropout(kDropout));
  }
  Tensor forward(const Tensor& x) { return x + dropout(down(torch::gelu(up(ln(x))))); }
  nn::LayerNorm ln{nullptr};
  nn::Linear up{nullptr}, down{nullptr};
  nn::Dropout dropout{nullptr};
};
TORCH_MODULE(Layer);

struct NetImpl : nn::Cloneable<NetImpl> {
  NetImpl() { reset(); }
  void reset() override {
    embed = register_module("embed", embedding());
    layer0 = register_module("layer0", Layer());
    layer1 = register_module("layer1", Layer());
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    const auto x = embed(tokens);
    witness("embedding", x);
    const auto y = layer0(x);
    witness("layer0", y);
    const auto z = layer1(y);
    witness("layer1", z);
    return head(norm(z));
  }
  Tensor generate(Tensor tokens) {
    for (int i = 0; i < 2; ++i) {
      tokens = torch::cat({tokens, forward(tokens).select(1, -1).argmax(-1, true)}, 1);
    }
    return tokens;
  }
  nn::Embedding embed{nullptr};
  Layer layer0{nullptr}, layer1{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};
TORCH_MODULE(Net);

template <typename Monitor>
Losses train() {
  Net model;
  Net average(std::dynamic_pointer_cast<NetImpl>(model->clone()));
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [inputs, targets] = batch(step);
    auto observation = monitor.observe(step, inputs, targets);
    const auto loss = loss_of(model->forward(inputs), targets);
    average->eval();
    const auto score = loss_of(average->forward(inputs), targets) + model->generate(inputs).sum() * 1e-3;
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    const torch::NoGradGuard no_grad;
    for (auto& parameter : average->named_parameters()) {
      parameter.value().lerp_(model->named_parameters()[parameter.key()], 0.1);
    }
    monitor.end_step(step, loss);
    losses.push_back(loss.item<float>() + score.template item<float>());
  }
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: a copy for evaluation, and generation in the middle of the step", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
