#include <torch/optim/adamw.h>

#include <catch2/catch_test_macros.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <optional>
#include <vector>

#include "monitor/small_gpt.hpp"

namespace {

/// Losses and final parameters of a short training run with dropout, watched or not.
std::vector<at::Tensor> train(bool watched) {
  at::manual_seed(7);
  infoplane::test::SmallGPT model(11, 16, 2);
  torch::optim::AdamW optimizer(model->parameters(), torch::optim::AdamWOptions(1e-2));
  std::optional<infoplane::Monitor> monitor;
  if (watched) {
    monitor.emplace(model, infoplane::MonitorOptions().every(1));
  }
  std::vector<at::Tensor> results;
  for (int64_t step = 0; step < 6; ++step) {
    const auto tokens = at::randint(11, {4, 8}, at::kLong);
    infoplane::Observation observation;
    if (monitor) {
      observation = monitor->observe(step, tokens);
    }
    optimizer.zero_grad();
    const auto logits = model->forward(tokens);
    auto loss = at::cross_entropy_loss(logits.flatten(0, 1), tokens.roll(-1, 1).flatten());
    loss.backward();
    optimizer.step();
    if (monitor) {
      REQUIRE(monitor->end_step(step, loss).has_value());
    }
    results.push_back(loss.detach());
  }
  for (const auto& parameter : model->parameters()) {
    results.push_back(parameter.detach().clone());
  }
  return results;
}

}  // namespace

TEST_CASE("a watched run is bit-identical to one that is not", "[monitor]") {
  const auto plain = train(false);
  const auto watched = train(true);
  REQUIRE(plain.size() == watched.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    REQUIRE(at::equal(plain[i], watched[i]));
  }
}
