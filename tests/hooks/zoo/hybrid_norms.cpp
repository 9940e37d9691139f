// Layers of two kinds in one list, whose first norms have different names.
#include "hooks/stack.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  explicit LayerImpl(bool mixes) : mixer(mixes) {
    norm = register_module(mixes ? "mixer_norm" : "input_norm", layer_norm());
    if (mixes) {
      in = register_module("in_proj", nn::Linear(kWidth, kWidth));
    } else {
      attn = register_module("attn", Attention());
    }
  }
  Tensor forward(const Tensor& x) {
    const auto y = norm(x);
    return x + dropout(mixer ? in(y).cumsum(1) * 0.1 : attn(y));
  }
  bool mixer;
  nn::LayerNorm norm{nullptr};
  nn::Linear in{nullptr};
  Attention attn{nullptr};
  nn::Dropout dropout{kDropout};
};

template <typename Monitor>
Losses train() {
  Stack<LayerImpl> model(6, [](int i) { return std::make_shared<LayerImpl>(i == 2 || i == 4); });
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

TEST_CASE("zoo: layers of two kinds", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
