#include <ATen/record_function.h>
#include <torch/optim/adamw.h>
#include <torch/serialize/archive.h>

#include <catch2/catch_test_macros.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <optional>
#include <sstream>
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

/// Archive and names of a model, with the versions of its parameters.
std::string everything_of(const torch::nn::Module& model) {
  torch::serialize::OutputArchive archive;
  model.save(archive);
  std::ostringstream text;
  archive.save_to(text);
  for (const auto& item : model.named_modules()) {
    text << item.key() << ' ' << item.value()->name() << ' ' << item.value()->is_training() << '\n';
  }
  for (const auto& item : model.named_parameters()) {
    text << item.key() << ' ' << item.value()._version() << ' ' << item.value().unsafeGetTensorImpl() << '\n';
  }
  for (const auto& item : model.named_buffers()) {
    text << item.key() << '\n';
  }
  return text.str();
}

}  // namespace

TEST_CASE("the model is the same before, inside and after a monitor", "[monitor]") {
  infoplane::test::SmallGPT model(11, 16, 2);
  const auto before = everything_of(*model);
  const auto references = model->ln_f->weight.use_count();
  {
    infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(1));
    REQUIRE(everything_of(*model) == before);
    for (int64_t step = 0; step < 3; ++step) {
      const auto tokens = at::arange(32).remainder(11).view({4, 8});
      const auto observation = monitor.observe(step, tokens);
      const auto logits = model->forward(tokens);
      REQUIRE(everything_of(*model) == before);
      at::cross_entropy_loss(logits.flatten(0, 1), tokens.roll(-1, 1).flatten()).backward();
      REQUIRE(monitor.end_step(step).has_value());
      REQUIRE(everything_of(*model) == before);
    }
    REQUIRE(model->ln_f->weight.use_count() == references + 1);
  }
  REQUIRE(model->ln_f->weight.use_count() == references);
  REQUIRE(everything_of(*model) == before);
}

TEST_CASE("between observed steps no operator is observed and no tap listens", "[monitor]") {
  infoplane::test::SmallGPT model(11, 16, 2);
  infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(3).window(1));
  const auto tokens = at::arange(32).remainder(11).view({4, 8});
  int observed = 0;
  for (int64_t step = 0; step < 9; ++step) {
    const auto observation = monitor.observe(step, tokens);
    const bool listens = monitor.observes(step);
    observed += listens ? 1 : 0;
    REQUIRE(at::hasThreadLocalCallbacks() == listens);
    REQUIRE(at::hasGlobalCallbacks() == listens);  // which look for the model's parameters on other threads
    REQUIRE(infoplane::hooks::detail::listeners == (listens ? 1 : 0));
    const auto seconds = monitor.seconds();
    model->forward(tokens);
    REQUIRE((monitor.seconds() > seconds) == listens);
    REQUIRE(monitor.end_step(step).has_value() == listens);
    REQUIRE_FALSE(at::hasThreadLocalCallbacks());
    REQUIRE_FALSE(at::hasGlobalCallbacks());
    REQUIRE(infoplane::hooks::detail::listeners == 0);
  }
  REQUIRE(observed == 3);
}

TEST_CASE("a watched run is bit-identical to one that is not", "[monitor]") {
  const auto plain = train(false);
  const auto watched = train(true);
  REQUIRE(plain.size() == watched.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    REQUIRE(at::equal(plain[i], watched[i]));
  }
}
