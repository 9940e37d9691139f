// Between the observed steps nothing of infoplane runs: no observer of operators, no listener of taps.
#include <ATen/record_function.h>

#include "hooks/zoo/zoo.hpp"

using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)

namespace {

/// A block that looks, from inside the forward, at what is installed.
struct LookingNet : nn::Module {
  LookingNet() {
    embed = register_module("embed", embedding());
    blocks = register_module("blocks", nn::ModuleList(Block(), Block()));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    has_callbacks = at::hasThreadLocalCallbacks();
    listeners = infoplane::hooks::detail::listeners;
    for (const auto& block : *blocks) {
      x = block->as<Block>()->forward(x);
    }
    return head(norm(x));
  }
  bool has_callbacks = false;
  int listeners = 0;
  nn::Embedding embed{nullptr};
  nn::ModuleList blocks{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

}  // namespace

TEST_CASE("in a step that is not observed, no observer is installed and no tap listens", "[overhead]") {
  LookingNet model;
  infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(3).window(1));
  double measuring = 0;
  for (int64_t step = 0; step < 7; ++step) {
    const bool is_observed = step % 3 == 0;
    const auto [inputs, targets] = batch(step);
    {
      const auto observation = monitor.observe(step, inputs, targets);
      const auto loss = loss_of(model.forward(inputs), targets);
      REQUIRE(model.has_callbacks == is_observed);
      REQUIRE(model.listeners == (is_observed ? 1 : 0));
      loss.backward();
      REQUIRE(monitor.end_step(step, loss).has_value() == is_observed);
    }
    REQUIRE_FALSE(at::hasThreadLocalCallbacks());
    REQUIRE(infoplane::hooks::detail::listeners == 0);
    REQUIRE((monitor.seconds() > measuring) == is_observed);
    measuring = monitor.seconds();
  }
}
