// Everything is a plain member, nothing is registered, and the trainer collects the parameters by itself. There is no
// tree to read names from, so the model says in one line where its blocks end.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct Net : nn::Module {
  Tensor forward(const Tensor& tokens) {
    auto x = wte(tokens);
    for (auto& block : blocks) {
      x = block.forward(x);
      infoplane::tap("blocks", x);
      witness(numbered("blocks.", &block - blocks.data()), x);
    }
    return head(ln_f(x));
  }

  std::vector<Tensor> weights() const {
    std::vector<Tensor> weights;
    const auto take = [&](const nn::Module& module) {
      for (const auto& parameter : module.parameters()) {
        weights.push_back(parameter);
      }
    };
    take(*wte);
    std::for_each(blocks.begin(), blocks.end(), take);
    take(*ln_f);
    take(*head);
    return weights;
  }

  nn::Embedding wte = embedding();
  std::vector<BlockImpl> blocks{BlockImpl(kDropout), BlockImpl(kDropout)};
  nn::LayerNorm ln_f = layer_norm();
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

TEST_CASE("zoo: value members that are not registered", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>,
        {.blocks = infoplane::hooks::SiteKind::kTap, .taps = 1});
}
