// A block that writes to its input before its norm reads it. The norm sees the changed stream, and so does the watch;
// for the stream as the block before it returned it, tap it where it ends. (Where the change is by a parameter of the
// block, the watch reads the stream that enters the change.)
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  LayerImpl() {
    shift = register_buffer("shift", torch::linspace(-0.2, 0.3, kWidth));
    ln = register_module("ln", layer_norm());
    mlp = register_module("mlp", Mlp());
  }
  Tensor forward(Tensor x) {
    x.add_(shift);
    changed = x;
    return x + mlp(ln(x));
  }
  Tensor shift, changed;
  nn::LayerNorm ln{nullptr};
  Mlp mlp{nullptr};
};
TORCH_MODULE(Layer);

template <bool kTaps>
struct Net : nn::Module {
  Net() {
    embed = register_module("embed", embedding());
    layers = register_module("layers", nn::ModuleList(Layer(), Layer(), Layer()));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    if constexpr (kTaps) {
      witness("embedding", x);
      infoplane::tap("embedding", x);
    }
    for (std::size_t i = 0; i < layers->size(); ++i) {
      auto* layer = layers[i]->template as<Layer>();
      x = layer->forward(x);
      if constexpr (kTaps) {
        witness(numbered("layers.", i), x);
        infoplane::tap(numbered("layers.", i), x);
      } else {  // what each norm saw
        witness(i == 0 ? "embedding" : numbered("layers.", i - 1), layer->changed);
      }
    }
    witness(numbered("layers.", layers->size() - 1), x);
    return head(norm(x));
  }
  nn::Embedding embed{nullptr};
  nn::ModuleList layers{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

template <typename Monitor, bool kTaps>
Losses train() {
  Net<kTaps> model;
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
    losses.push_back(loss.template item<float>());
  }
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: a block that changes its input before its norm", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  using infoplane::hooks::SiteKind;
  check(__FILE__, train<NoMonitor, false>, train<RecordingMonitor, false>, train<infoplane::Monitor, false>,
        {.taps = 2});
  check(__FILE__, train<NoMonitor, true>, train<RecordingMonitor, true>, train<infoplane::Monitor, true>,
        {.blocks = SiteKind::kTap, .embedding = SiteKind::kTap, .taps = 2});
}
