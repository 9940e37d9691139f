// A ModuleList below a container, whose entries are called through as<>(); the holder is passed around by value.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct NetImpl : nn::Module {
  NetImpl() {
    transformer = register_module("transformer", std::make_shared<TreeImpl>());
    wte = transformer->register_module("wte", embedding());
    wpe = transformer->register_module("wpe", nn::Embedding(8, kWidth));
    h = transformer->register_module("h", nn::ModuleList());
    for (int i = 0; i < 3; ++i) {
      h->push_back(Block(kDropout));
    }
    ln_f = transformer->register_module("ln_f", layer_norm());
    lm_head = register_module("lm_head", output_head());
  }

  Tensor forward(const Tensor& tokens) {
    auto x = wte(tokens) + wpe(torch::arange(tokens.size(1)));
    witness("embedding", x);
    for (std::size_t i = 0; i < h->size(); ++i) {
      x = h[i]->as<Block>()->forward(x);
      witness(numbered("transformer.h.", i), x);
    }
    return lm_head(ln_f(x));
  }

  std::shared_ptr<TreeImpl> transformer;
  nn::Embedding wte{nullptr}, wpe{nullptr};
  nn::ModuleList h{nullptr};
  nn::LayerNorm ln_f{nullptr};
  nn::Linear lm_head{nullptr};
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

TEST_CASE("zoo: a ModuleList with as<>", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
