// Some tokens are masked, and are the targets; the others have none.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct NetImpl : nn::Module {
  NetImpl() {
    embed = register_module("embed", embedding());
    layers = register_module("layers", nn::ModuleList(Block(kDropout), Block(kDropout)));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }

  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < layers->size(); ++i) {
      x = layers[i]->as<Block>()->forward(x);
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
  Monitor monitor(model, MonitorOptions().every(1).labels(labels::LabelOptions().same_positions(true)));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto text = batch(step).first;
    const auto masked = torch::arange(18).remainder(5).eq(step).view({3, 6});
    const auto inputs = text.masked_fill(masked, kVocabulary - 1);
    const auto targets = text.masked_fill(masked.logical_not(), -100);
    auto observation = monitor.observe(step, inputs, targets);
    const auto loss = loss_of(model->forward(inputs), targets);
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

TEST_CASE("zoo: a masked language model", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
  for (const auto& point : RecordingMonitor::points) {
    const auto& metrics = point.layers.at(1).metrics;
    REQUIRE(metrics.at("tokens/input_unigram") == metrics.at("tokens/output_unigram"));
    REQUIRE(metrics.at("tokens/output_unigram") <= 4);
    REQUIRE(point.layers.at(1).tokens == 18);
    REQUIRE(point.mean.at("share/output_unigram") >= 0);
    REQUIRE(point.mean.at("share/output_unigram") <= 1);
  }
}
