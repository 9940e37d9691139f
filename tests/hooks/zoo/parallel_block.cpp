// Parallel blocks, as of GPT-J and PaLM: attention and MLP read one norm, and both are added to the stream.
#include "hooks/stack.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  LayerImpl() {
    ln = register_module("ln", layer_norm());
    attn = register_module("attn", Attention());
    mlp = register_module("mlp", Mlp());
  }
  Tensor forward(const Tensor& x) {
    const auto y = ln(x);
    return x + dropout(attn(y)) + dropout(mlp(y));
  }
  nn::LayerNorm ln{nullptr};
  Attention attn{nullptr};
  Mlp mlp{nullptr};
  nn::Dropout dropout{kDropout};
};

template <typename Monitor>
Losses train() {
  Stack<LayerImpl> model(3, [](int /*i*/) { return std::make_shared<LayerImpl>(); });
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

TEST_CASE("zoo: attention and MLP side by side", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
