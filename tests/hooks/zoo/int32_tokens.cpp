// The data loader gives int32 tokens, and gradients are accumulated over two micro-batches a step.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct Net : nn::Module {
  Net() {
    embed = register_module("embed", embedding());
    for (int i = 0; i < 2; ++i) {
      h.push_back(register_module(numbered("h", i), Block(kDropout)));
    }
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < h.size(); ++i) {
      x = h[i](x);
      witness(numbered("h", i), x);
    }
    return head(norm(x));
  }
  nn::Embedding embed{nullptr};
  std::vector<Block> h;
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
    Tensor loss;
    for (int64_t part = 0; part < 2; ++part) {
      const auto [longs, next] = batch(2 * step + part);
      const auto inputs = longs.to(torch::kInt);
      const auto targets = next.to(torch::kInt);
      auto observation = monitor.observe(step, inputs, targets);
      loss = loss_of(model.forward(inputs), targets.to(torch::kLong)) / 2;
      loss.backward();
    }
    optimizer.step();
    optimizer.zero_grad();
    monitor.end_step(step, loss);
    losses.push_back(loss.item<float>());
  }
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: int32 tokens, gradients of two micro-batches", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>, {.observations = 2 * kSteps});
}
