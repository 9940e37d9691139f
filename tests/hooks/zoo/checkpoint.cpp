// Gradient checkpointing as C++ users write it: an autograd function that runs a block without gradients, and once
// more with them in the backward, while the observation is open.
#include <torch/autograd.h>

#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct Checkpoint : torch::autograd::Function<Checkpoint> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, int64_t block) {
    context->save_for_backward({x});
    context->saved_data["block"] = block;
    return reinterpret_cast<BlockImpl*>(block)->forward(x);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const torch::AutoGradMode with_gradients(true);
    const auto x = context->get_saved_variables()[0].detach().requires_grad_();
    const auto y = reinterpret_cast<BlockImpl*>(context->saved_data["block"].toInt())->forward(x);
    torch::autograd::backward({y}, {gradients[0]});
    return {x.grad(), Tensor()};
  }
};

struct NetImpl : nn::Module {
  NetImpl() {
    embed = register_module("embed", embedding());
    layers = register_module("layers", nn::ModuleList(Block(), Block(), Block()));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < layers->size(); ++i) {
      x = Checkpoint::apply(x, reinterpret_cast<int64_t>(layers[i]->as<Block>()));
      witness(numbered("layers.", i), x);
    }
    return head(norm(x));
  }
  nn::Embedding embed{nullptr};
  nn::ModuleList layers{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};
TORCH_MODULE(Net);

template <typename Monitor>
Losses train() {
  Net model;
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

TEST_CASE("zoo: gradient checkpointing", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
