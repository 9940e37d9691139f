// A signal goes in, and a number is to be predicted: bins of it are what comes out.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct NetImpl : nn::Module {
  NetImpl() {
    project = register_module("project", nn::Linear(2, kWidth));
    blocks = register_module("blocks", nn::ModuleList(Block(kDropout), Block(kDropout)));
    norm = register_module("norm", layer_norm());
    head = register_module("head", nn::Linear(kWidth, 1));
  }

  Tensor forward(const Tensor& signal) {  // [B, T, 2]
    auto x = project(signal);
    witness("embedding", x);
    for (std::size_t i = 0; i < blocks->size(); ++i) {
      x = blocks[i]->as<Block>()->forward(x);
      witness(numbered("blocks.", i), x);
    }
    return head(norm(x)).squeeze(-1);
  }

  nn::Linear project{nullptr}, head{nullptr};
  nn::ModuleList blocks{nullptr};
  nn::LayerNorm norm{nullptr};
};
TORCH_MODULE(Net);

template <typename Monitor>
Losses train() {
  Net model;
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  const EqualCountBins bins(torch::arange(100).mul(0.37).sin(), 4);
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto phase = batch(step).first.to(torch::kFloat) * 0.37;
    const auto next = phase.sin();  // [B, T]
    auto observation = monitor.observe(step, BatchDetails().outputs({{"next", bins(next)}}));
    const auto loss = torch::mse_loss(model->forward(torch::stack({phase.cos(), phase.mul(2).sin()}, -1)), next);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    monitor.end_step(step, loss);
    losses.push_back(loss.template item<float>());
  }
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: a continuous signal", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
  for (const auto& point : RecordingMonitor::points) {
    REQUIRE(point.mean.at("share/next") > 0);
    REQUIRE(point.mean.at("share/next") <= 1);
    REQUIRE(point.layers.at(1).metrics.at("tokens/next") == 18);
  }
}
