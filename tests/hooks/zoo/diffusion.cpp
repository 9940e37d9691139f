// Blocks of a diffusion model, each of which takes its condition in another place: shift and scale behind the norm,
// a gate on the branch, and a term that is added to the stream before the norm.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  explicit LayerImpl(int place_) : place(place_) {
    map = register_module("map", nn::Linear(kWidth, place == 0 ? 2 * kWidth : kWidth));
    norm = register_module("norm", layer_norm());
    attn = register_module("attn", Attention());
  }
  Tensor forward(const Tensor& x, const Tensor& condition) {
    const auto mapped = map(torch::silu(condition)).unsqueeze(1);  // [B, 1, ..]
    if (place == 0) {
      const auto parts = mapped.chunk(2, -1);
      return x + dropout(attn(norm(x) * (1 + parts[1]) + parts[0]));
    }
    if (place == 1) {
      return x + mapped * dropout(attn(norm(x)));
    }
    const auto h = x + mapped;
    return h + dropout(attn(norm(h)));
  }
  int place;
  nn::Linear map{nullptr};
  nn::LayerNorm norm{nullptr};
  Attention attn{nullptr};
  nn::Dropout dropout{kDropout};
};

struct Net : nn::Module {
  explicit Net(int place) {
    embed = register_module("embed", embedding());
    time = register_module("time", nn::Embedding(4, kWidth));
    const auto list = register_module("layers", std::make_shared<TreeImpl>());
    for (int i = 0; i < 3; ++i) {
      layers.push_back(list->register_module(std::to_string(i), std::make_shared<LayerImpl>(place)));
    }
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    const auto condition = time(tokens.select(1, 0).remainder(4));  // [B, C]
    auto x = embed(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->forward(x, condition);
      witness(numbered("layers.", static_cast<int64_t>(i)), x);
    }
    return head(norm(x));
  }
  nn::Embedding embed{nullptr}, time{nullptr};
  std::vector<std::shared_ptr<LayerImpl>> layers;
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

template <typename Monitor, int kPlace>
Losses train() {
  Net model(kPlace);
  torch::optim::AdamW optimizer(model.parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
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

TEST_CASE("zoo: a condition that shifts and scales behind the norm", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor, 0>, train<RecordingMonitor, 0>, train<infoplane::Monitor, 0>);
}

TEST_CASE("zoo: a condition that gates the branch", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor, 1>, train<RecordingMonitor, 1>, train<infoplane::Monitor, 1>);
}

TEST_CASE("zoo: a condition that is added to the stream before the norm", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  using infoplane::hooks::SiteKind;
  check(__FILE__, train<NoMonitor, 2>, train<RecordingMonitor, 2>, train<infoplane::Monitor, 2>,
        {.blocks = SiteKind::kResidualStream, .embedding = SiteKind::kResidualStream, .last = SiteKind::kNormInput});
}
