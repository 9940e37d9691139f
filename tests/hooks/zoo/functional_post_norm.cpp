// Post-norm blocks that end in the functional layer norm, which has no weights.
#include "hooks/stack.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  LayerImpl() {
    attn = register_module("attn", Attention());
    mlp = register_module("mlp", Mlp());
  }
  static Tensor normed(const Tensor& x) {
    return nn::functional::layer_norm(x, nn::functional::LayerNormFuncOptions({kWidth}));
  }
  Tensor forward(const Tensor& x) {
    const auto y = normed(x + dropout(attn(x)));
    return normed(y + mlp(y));
  }
  Attention attn{nullptr};
  Mlp mlp{nullptr};
  nn::Dropout dropout{kDropout};
};

template <typename Monitor>
Losses train() {
  Stack<LayerImpl> model(3, [](int /*i*/) { return std::make_shared<LayerImpl>(); });
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

TEST_CASE("zoo: post-norm blocks with functional norms", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>,
        {.blocks = infoplane::hooks::SiteKind::kLinearInput,
         .embedding = infoplane::hooks::SiteKind::kLinearInput,
         .last = infoplane::hooks::SiteKind::kNormInput});
}
