// Stages: between two of them neighbours are merged, and the stream becomes wider.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct StageBlockImpl : nn::Module {
  explicit StageBlockImpl(int64_t width) {
    norm = register_module("norm", nn::LayerNorm(nn::LayerNormOptions({width})));
    up = register_module("up", nn::Linear(width, 2 * width));
    down = register_module("down", nn::Linear(2 * width, width));
  }
  Tensor forward(const Tensor& x) { return x + down(torch::gelu(up(norm(x)))); }
  nn::LayerNorm norm{nullptr};
  nn::Linear up{nullptr}, down{nullptr};
};
TORCH_MODULE(StageBlock);

struct NetImpl : nn::Module {
  NetImpl() {
    patches = register_module("patches", nn::Linear(2, kWidth));
    fine = register_module("fine", nn::ModuleList(StageBlock(kWidth), StageBlock(kWidth)));
    merge_norm = register_module("merge_norm", nn::LayerNorm(nn::LayerNormOptions({2 * kWidth})));
    merge = register_module("merge", nn::Linear(2 * kWidth, 2 * kWidth));
    coarse = register_module("coarse", nn::ModuleList(StageBlock(2 * kWidth), StageBlock(2 * kWidth)));
    norm = register_module("norm", nn::LayerNorm(nn::LayerNormOptions({2 * kWidth})));
    head = register_module("head", nn::Linear(2 * kWidth, kVocabulary));
  }

  Tensor forward(const Tensor& images) {  // [B, P, 2]
    auto x = patches(images);
    witness("embedding", x);
    for (std::size_t i = 0; i < fine->size(); ++i) {
      x = fine[i]->as<StageBlock>()->forward(x);
      witness(numbered("fine.", i), x);
    }
    x = merge(merge_norm(x.unflatten(1, {-1, 2}).flatten(2)));
    witness("coarse.embedding", x);
    for (std::size_t i = 0; i < coarse->size(); ++i) {
      x = coarse[i]->as<StageBlock>()->forward(x);
      witness(numbered("coarse.", i), x);
    }
    return head(norm(x).mean(1));
  }

  nn::Linear patches{nullptr}, merge{nullptr}, head{nullptr};
  nn::ModuleList fine{nullptr}, coarse{nullptr};
  nn::LayerNorm merge_norm{nullptr}, norm{nullptr};
};
TORCH_MODULE(Net);

template <typename Monitor>
Losses train() {
  Net model;
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto classes = batch(step).first.select(1, 0);
    const auto images = torch::stack({batch(step).first.sin(), batch(step).first.cos()}, -1);
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

TEST_CASE("zoo: stages whose positions become fewer and whose streams become wider", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
  for (const auto& point : RecordingMonitor::points) {
    REQUIRE(point.groups.size() == 2);
    REQUIRE(point.layer("fine.0")->tokens == 18);
    REQUIRE(point.layer("coarse.0")->tokens == 9);
    REQUIRE(point.layer("coarse.1")->metrics.at("share/class") <= 1);
  }
}
