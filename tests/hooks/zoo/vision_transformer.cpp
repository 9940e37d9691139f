// A class token in front of the patches of an image, and a label of each image; there are no tokens.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

constexpr int64_t kPatch = 4;

struct NetImpl : nn::Module {
  NetImpl() {
    patches = register_module("patches", nn::Linear(kPatch, kWidth));
    class_token = register_parameter("class_token", torch::randn({1, 1, kWidth}));
    blocks = register_module("blocks", nn::ModuleList(Block(kDropout), Block(kDropout)));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }

  Tensor forward(const Tensor& images) {  // [B, P, patch]
    auto x = torch::cat({class_token.expand({images.size(0), 1, kWidth}), patches(images)}, 1);
    witness("embedding", x);
    for (std::size_t i = 0; i < blocks->size(); ++i) {
      x = blocks[i]->as<Block>()->forward(x);
      witness(numbered("blocks.", i), x);
    }
    return head(norm(x).select(1, 0));
  }

  nn::Linear patches{nullptr}, head{nullptr};
  Tensor class_token;
  nn::ModuleList blocks{nullptr};
  nn::LayerNorm norm{nullptr};
};
TORCH_MODULE(Net);

template <typename Monitor>
Losses train() {
  Net model;
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto classes = batch(step).first.select(1, 0).remainder(3);
    const auto images = (batch(step).first.unsqueeze(-1) * torch::arange(1, kPatch + 1)).sin();
    auto observation = monitor.observe(step, BatchDetails().outputs({{"class", classes}}));
    const auto loss = loss_of(model->forward(images), classes);
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

TEST_CASE("zoo: a vision transformer", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
  for (const auto& point : RecordingMonitor::points) {
    REQUIRE(point.mean.at("share/class") > 0);
    REQUIRE(point.mean.at("share/class") <= 1);
    REQUIRE(point.layers.at(1).metrics.at("tokens/class") == 3 * 7);  // the class token too
  }
}
