// Block 0 alone has one more norm in front of it, as models have that normalise their embedding.
#include "hooks/stack.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  explicit LayerImpl(bool is_first) {
    if (is_first) {
      ln0 = register_module("ln0", layer_norm());
    }
    ln1 = register_module("ln1", layer_norm());
    attn = register_module("attn", Attention());
    ln2 = register_module("ln2", layer_norm());
    mlp = register_module("mlp", Mlp());
  }
  Tensor forward(Tensor x) {
    x = ln0 ? ln0(x) : x;
    const auto y = x + attn(ln1(x));
    return y + dropout(mlp(ln2(y)));
  }
  nn::LayerNorm ln0{nullptr}, ln1{nullptr}, ln2{nullptr};
  Attention attn{nullptr};
  Mlp mlp{nullptr};
  nn::Dropout dropout{kDropout};
};

template <typename Monitor>
Losses train() {
  Stack<LayerImpl> model(3, [](int i) { return std::make_shared<LayerImpl>(i == 0); });
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

TEST_CASE("zoo: one more norm in front of block 0", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
