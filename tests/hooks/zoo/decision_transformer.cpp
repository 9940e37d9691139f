// Returns, states and actions in turn; what comes out is an action, at the positions of states. Episodes differ in
// length.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

constexpr int64_t kActions = 3;

struct NetImpl : nn::Module {
  NetImpl() {
    reward = register_module("reward", nn::Linear(1, kWidth));
    state = register_module("state", nn::Linear(2, kWidth));
    action = register_module("action", nn::Embedding(kActions, kWidth));
    blocks = register_module("blocks", nn::ModuleList(Block(kDropout), Block(kDropout)));
    norm = register_module("norm", layer_norm());
    head = register_module("head", nn::Linear(kWidth, kActions));
  }

  /// [B, T, 1], [B, T, 2], [B, T]; logits at the states.
  Tensor forward(const Tensor& rewards, const Tensor& states, const Tensor& actions) {
    auto x = torch::stack({reward(rewards), state(states), action(actions)}, 2).flatten(1, 2);
    witness("embedding", x);
    for (std::size_t i = 0; i < blocks->size(); ++i) {
      x = blocks[i]->as<Block>()->forward(x);
      witness(numbered("blocks.", i), x);
    }
    return head(norm(x)).unflatten(1, {-1, 3}).select(2, 1);
  }

  nn::Linear reward{nullptr}, state{nullptr}, head{nullptr};
  nn::Embedding action{nullptr};
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
    const auto actions = batch(step).first.remainder(kActions);  // [B, T]
    const auto states = torch::stack({batch(step).first.sin(), batch(step).first.cos()}, -1);
    const auto none = torch::full_like(actions, -1);
    const auto at_states = torch::stack({none, actions, none}, 2).flatten(1, 2);  // [B, 3T]
    auto observation = monitor.observe(step, BatchDetails().outputs({{"action", at_states}}));
    const auto loss = loss_of(model->forward(states.narrow(2, 0, 1), states, actions), actions);
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

TEST_CASE("zoo: a decision transformer", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
  for (const auto& point : RecordingMonitor::points) {
    REQUIRE(point.layers.at(1).metrics.at("tokens/action") == 18);
    REQUIRE(point.layers.at(1).tokens == 54);
    REQUIRE(point.mean.at("share/action") <= 1);
  }
}
