// Half of each batch runs on a worker thread, with the same parameters. The tokens of the thread that observes are
// those that are measured.
#include <thread>

#include "hooks/stack.hpp"

namespace infoplane::zoo {
namespace {

using Model = Stack<BlockImpl>;

/// Another half of the batch, on a thread of its own; the model's own records are of this thread's half.
Tensor worker_loss(Model& model, const Tensor& tokens, const Tensor& targets) {
  Tensor loss;
  std::thread([&] {
    auto x = model.embed(tokens);
    for (const auto& layer : model.layers) {
      x = layer->forward(x);
    }
    loss = loss_of(model.head(model.norm(x)), targets);
  }).join();
  return loss;
}

template <typename Monitor>
Losses train() {
  Model model(3, [](int /*i*/) { return std::make_shared<BlockImpl>(); });
  torch::optim::AdamW optimizer(model.parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [inputs, targets] = batch(step);
    const auto [other_inputs, other_targets] = batch(step + kSteps);
    auto observation = monitor.observe(step, inputs, targets);
    const auto other = worker_loss(model, other_inputs, other_targets);
    const auto loss = (loss_of(model.forward(inputs), targets) + other) / 2;
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

TEST_CASE("zoo: a worker thread", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
