#include "training.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <numeric>
#include <vector>

using Catch::Matchers::WithinAbs;
using train_text::GPT;
using train_text::GPTOptions;

namespace {

GPT small_model() {
  torch::manual_seed(1);
  return GPT(GPTOptions().vocabulary(16).context(8).width(16).layers(1).heads(2));
}

// A text whose next token is known from the last one.
std::vector<std::uint16_t> circle() {
  std::vector<std::uint16_t> tokens(400);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<std::uint16_t>(i * 3 % 16);
  }
  return tokens;
}

std::vector<double> losses(int steps) {
  auto model = small_model();
  auto optimizer = train_text::make_optimizer(model, 4e-3);
  const auto tokens = circle();
  train_text::Batches batches(tokens, 4, 8, 5);
  std::vector<double> result;
  for (int step = 0; step < steps; ++step) {
    const auto [inputs, targets] = batches.next();
    const auto loss = train_text::cross_entropy(model(inputs), targets);
    train_text::update(model, optimizer, loss, train_text::warmed_up(4e-3, step));
    result.push_back(loss.item<double>());
  }
  return result;
}

}  // namespace

TEST_CASE("matrices decay, vectors do not", "[examples][training]") {
  auto model = small_model();
  auto optimizer = train_text::make_optimizer(model, 1e-3);
  REQUIRE(optimizer.param_groups().size() == 2);
  std::size_t parameters = 0;
  for (const auto& group : optimizer.param_groups()) {
    const auto& options = static_cast<const torch::optim::AdamWOptions&>(group.options());
    REQUIRE(options.betas() == std::make_tuple(0.9, 0.95));
    REQUIRE(options.lr() == 1e-3);
    for (const auto& parameter : group.params()) {
      REQUIRE(options.weight_decay() == (parameter.dim() > 1 ? 0.3 : 0.0));
      ++parameters;
    }
  }
  REQUIRE(parameters == model->parameters().size());
}

TEST_CASE("the learning rate rises over 50 steps and stays", "[examples][training]") {
  REQUIRE_THAT(train_text::warmed_up(2.0, 0), WithinAbs(0.04, 1e-12));
  REQUIRE_THAT(train_text::warmed_up(2.0, 24), WithinAbs(1.0, 1e-12));
  REQUIRE(train_text::warmed_up(2.0, 49) == 2.0);
  REQUIRE(train_text::warmed_up(2.0, 5000) == 2.0);
}

TEST_CASE("an update uses the learning rate it is given and clips to norm 1", "[examples][training]") {
  auto model = small_model();
  auto optimizer = train_text::make_optimizer(model, 1.0);
  const auto tokens = circle();
  const auto [inputs, targets] = train_text::even_rows(tokens, 4, 8);
  train_text::update(model, optimizer, train_text::cross_entropy(model(inputs), targets) * 1000, 0.0);
  double squares = 0;
  for (const auto& parameter : model->parameters()) {
    squares += parameter.grad().square().sum().item<double>();
  }
  REQUIRE_THAT(std::sqrt(squares), WithinAbs(1.0, 1e-4));
  const auto same = small_model();
  for (std::size_t i = 0; i < same->parameters().size(); ++i) {
    REQUIRE(model->parameters()[i].equal(same->parameters()[i]));
  }
}

TEST_CASE("an untrained model's loss is that of guessing", "[examples][training]") {
  auto model = small_model();
  const auto tokens = circle();
  REQUIRE_THAT(train_text::heldout_loss(model, train_text::even_rows(tokens, 256, 8)), WithinAbs(std::log(16.0), 0.05));
}

TEST_CASE("the held-out loss leaves no trace", "[examples][training]") {
  auto model = small_model();
  const auto tokens = circle();
  const auto heldout = train_text::even_rows(tokens, 256, 8);
  REQUIRE(train_text::heldout_loss(model, heldout) == train_text::heldout_loss(model, heldout));
  for (const auto& parameter : model->parameters()) {
    REQUIRE_FALSE(parameter.grad().defined());
  }
  REQUIRE(torch::GradMode::is_enabled());
}

TEST_CASE("training learns a text and repeats bit for bit", "[examples][training]") {
  const auto run = losses(120);
  REQUIRE_THAT(run.front(), WithinAbs(std::log(16.0), 0.1));
  REQUIRE(run.back() < 0.2);
  REQUIRE(run == losses(120));
}
