// The head's weight is the embedding's, assigned after registration, so the registered "head.weight" is stale.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct NetImpl : nn::Module {
  NetImpl() {
    wte = register_module("wte", embedding());
    blocks = register_module("blocks", nn::ModuleList(Block(kDropout), Block(kDropout)));
    head = register_module("head", output_head());
    head->weight = wte->weight;
  }

  Tensor forward(const Tensor& tokens) {
    auto x = wte(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < blocks->size(); ++i) {
      x = blocks[i]->as<Block>()->forward(x);
      witness(numbered("blocks.", i), x);
    }
    return head(x);  // no final norm: only the tied weight shows what left the last block
  }

  nn::Embedding wte{nullptr};
  nn::ModuleList blocks{nullptr};
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

TEST_CASE("zoo: a tied head", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>,
        {.last = infoplane::hooks::SiteKind::kLinearInput});
}
