// A trainer class whose train_step() hides forward, backward and step. The observation is opened around the call: what
// runs in the backward and in the optimizer is not captured. A train_step() that splits its batch into micro-batches
// shows the first of them; then give observe() the tokens of that one.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct Net : nn::Module {
  Net() {
    embed = register_module("embed", embedding());
    blocks = register_module("blocks", nn::Sequential(Block(kDropout), Block(kDropout)));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < blocks->size(); ++i) {
      x = blocks->at<BlockImpl>(i).forward(x);
      witness(numbered("blocks.", i), x);
    }
    return head(norm(x));
  }
  nn::Embedding embed{nullptr};
  nn::Sequential blocks{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

class Trainer {
 public:
  Tensor train_step(const Tensor& inputs, const Tensor& targets) {
    optimizer_.zero_grad();
    auto loss = loss_of(model_.forward(inputs), targets);
    loss.backward();
    nn::utils::clip_grad_norm_(model_.parameters(), 1.0);
    optimizer_.step();
    return loss.detach();
  }
  const Net& model() const { return model_; }

 private:
  Net model_;
  torch::optim::AdamW optimizer_{model_.parameters(), 1e-2};
};

template <typename Monitor>
Losses train() {
  Trainer trainer;
  Monitor monitor(trainer.model(), MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [inputs, targets] = batch(step);
    auto observation = monitor.observe(step, inputs, targets);
    const auto loss = trainer.train_step(inputs, targets);
    monitor.end_step(step, loss);
    losses.push_back(loss.item<float>());
  }
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: train_step() hides everything", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
