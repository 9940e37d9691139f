// Blocks whose MLP is a mixture: a router sends each token to two of four experts, and their results are scattered
// back.
#include "hooks/stack.hpp"

namespace infoplane::zoo {
namespace {

struct ExpertsImpl : nn::Module {
  ExpertsImpl() {
    router = register_module("router", nn::Linear(nn::LinearOptions(kWidth, kExperts).bias(false)));
    experts = register_module("experts", nn::ModuleList());
    for (int64_t i = 0; i < kExperts; ++i) {
      experts->push_back(Mlp());
    }
  }
  Tensor forward(const Tensor& x) {
    const auto rows = x.reshape({-1, x.size(-1)});  // [N, C]
    const auto [weights, chosen] = router(rows).softmax(-1).topk(2, -1);
    auto result = torch::zeros_like(rows);
    for (int64_t i = 0; i < kExperts; ++i) {
      const auto where = chosen.eq(i).nonzero();  // [n, 2]: token, choice
      const auto token = where.select(1, 0);
      const auto weight = weights.index({token, where.select(1, 1)}).unsqueeze(-1);
      result = result.index_add(0, token, weight * experts[i]->as<Mlp>()->forward(rows.index_select(0, token)));
    }
    return result.view_as(x);
  }
  static constexpr int64_t kExperts = 4;
  nn::Linear router{nullptr};
  nn::ModuleList experts{nullptr};
};
TORCH_MODULE(Experts);

struct LayerImpl : nn::Module {
  LayerImpl() {
    ln1 = register_module("ln1", layer_norm());
    attn = register_module("attn", Attention());
    ln2 = register_module("ln2", layer_norm());
    moe = register_module("moe", Experts());
  }
  Tensor forward(Tensor x) {
    x = x + dropout(attn(ln1(x)));
    return x + moe(ln2(x));
  }
  nn::LayerNorm ln1{nullptr}, ln2{nullptr};
  Attention attn{nullptr};
  Experts moe{nullptr};
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

TEST_CASE("zoo: a mixture of experts", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
