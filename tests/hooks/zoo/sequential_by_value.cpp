// The whole model is one Sequential, into which blocks were moved by value.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  explicit LayerImpl(int number_) : number(number_) {
    ln1 = register_module("ln1", layer_norm());
    attn = register_module("attn", Attention());
    ln2 = register_module("ln2", layer_norm());
    mlp = register_module("mlp", Mlp());
  }

  Tensor forward(const Tensor& x) {
    witness(number == 1 ? "embedding" : std::to_string(number - 1), x);
    const auto y = x + attn(ln1(x));
    const auto z = y + mlp(ln2(y));
    witness(std::to_string(number), z);
    return z;
  }

  int number;
  nn::LayerNorm ln1{nullptr}, ln2{nullptr};
  Attention attn{nullptr};
  Mlp mlp{nullptr};
};

template <typename Monitor>
Losses train() {
  nn::Sequential model(embedding(), LayerImpl(1), LayerImpl(2), layer_norm(), nn::Dropout(kDropout), output_head());
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [inputs, targets] = batch(step);
    auto observation = monitor.observe(step, inputs, targets);
    const auto loss = loss_of(model->forward(inputs), targets);
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

TEST_CASE("zoo: a Sequential of blocks by value", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
