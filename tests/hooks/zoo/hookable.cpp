// Blocks without norms, as value members that nobody registered, with a pair as their result: nothing for an observer
// of operators to recognise. The blocks get hooks, and one that hands over what they return.
#include <array>
#include <infoplane/hooks/hookable.hpp>

#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  LayerImpl() {
    gate = register_module("gate", nn::Linear(kWidth, kWidth));
    map = register_module("map", nn::Linear(kWidth, kWidth));
  }
  std::pair<Tensor, Tensor> forward(const Tensor& x) {
    const auto opened = torch::sigmoid(gate(x));
    return {x + opened * torch::tanh(map(x)), opened};
  }
  nn::Linear gate{nullptr}, map{nullptr};
};
INFOPLANE_MODULE(Layer);  // instead of TORCH_MODULE

struct Net : nn::Module {
  Net() {
    for (int i = 0; i < 3; ++i) {
      layers[i]->register_forward_hook(hooks::tap_output(numbered("blocks.", i)));
    }
  }
  Tensor forward(const Tensor& tokens) {
    auto x = wte(tokens);
    for (auto& layer : layers) {
      x = layer(x).first;
      witness(numbered("blocks.", &layer - layers.data()), x);
    }
    return head(x);
  }
  std::vector<Tensor> weights() const {
    std::vector<Tensor> weights = wte->parameters();
    for (const auto& layer : layers) {
      const auto own = layer->parameters();
      weights.insert(weights.end(), own.begin(), own.end());
    }
    weights.push_back(head->weight);
    return weights;
  }
  nn::Embedding wte = embedding();
  std::array<Layer, 3> layers;
  nn::Linear head = output_head();
};

template <typename Monitor>
Losses train() {
  Net model;
  torch::optim::AdamW optimizer(model.weights(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1).sites("blocks.*"));
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

TEST_CASE("zoo: modules with hooks", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>,
        {.blocks = infoplane::hooks::SiteKind::kModuleOutput, .taps = 2});
}
