// Blocks in a std::vector of shared_ptr, each registered under a name of its own.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct Net : nn::Module {
  Net() {
    wte = register_module("wte", embedding());
    for (int i = 0; i < 3; ++i) {
      blocks.push_back(register_module(numbered("block_", i), std::make_shared<BlockImpl>(kDropout)));
    }
    ln_f = register_module("ln_f", layer_norm());
    head = register_module("head", output_head());
  }

  Tensor forward(const Tensor& tokens) {
    auto x = wte(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      x = blocks[i]->forward(x);
      witness(numbered("block_", i), x);
    }
    return head(ln_f(x));
  }

  nn::Embedding wte{nullptr};
  std::vector<std::shared_ptr<BlockImpl>> blocks;
  nn::LayerNorm ln_f{nullptr};
  nn::Linear head{nullptr};
};

template <typename Monitor>
Losses train() {
  const auto model = std::make_shared<Net>();
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

TEST_CASE("zoo: a vector of shared_ptr", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
