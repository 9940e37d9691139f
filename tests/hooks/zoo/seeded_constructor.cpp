// Constructors call manual_seed, so that every model begins alike; one is made anew in each step, for comparison, and
// its constructor winds the generator back that the dropout of the other draws from.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct NetImpl : nn::Module {
  explicit NetImpl(uint64_t seed) {
    torch::manual_seed(seed);
    embed = register_module("embed", embedding());
    h = register_module("h", nn::ModuleList(Block(kDropout), Block(kDropout)));
    ln_f = register_module("ln_f", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens, bool is_trained = true) {
    auto x = embed(tokens);
    if (is_trained) {
      witness("embedding", x);
    }
    for (std::size_t i = 0; i < h->size(); ++i) {
      x = h[i]->as<Block>()->forward(x);
      if (is_trained) {
        witness(numbered("h.", i), x);
      }
    }
    return head(ln_f(x));
  }
  nn::Embedding embed{nullptr};
  nn::ModuleList h{nullptr};
  nn::LayerNorm ln_f{nullptr};
  nn::Linear head{nullptr};
};
TORCH_MODULE(Net);

template <typename Monitor>
Losses train() {
  Net model(1337);
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [inputs, targets] = batch(step);
    auto observation = monitor.observe(step, inputs, targets);
    Net beginning(1337);
    const auto before = loss_of(beginning->forward(inputs, /*is_trained=*/false), targets);
    const auto loss = loss_of(model->forward(inputs), targets);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    monitor.end_step(step, loss);
    losses.push_back(loss.item<float>() - before.item<float>());
  }
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: manual_seed in constructors", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
