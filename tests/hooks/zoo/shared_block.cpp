// One block that is applied several times, as in ALBERT and in looped transformers.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct Net : nn::Module {
  Net() {
    embed = register_module("embed", embedding());
    layer = register_module("layer0", Block(kDropout));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    witness("embedding", x);
    for (const auto* name : {"layer0", "layer0#1", "layer0#2"}) {
      x = layer(x);
      witness(name, x);
    }
    return head(norm(x));
  }
  nn::Embedding embed{nullptr};
  Block layer{nullptr};
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

TEST_CASE("zoo: one block, applied three times", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
