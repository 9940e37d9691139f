#include <torch/nn/functional/loss.h>
#include <torch/optim/sgd.h>
#include <torch/utils.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>

#include "monitor/point_checks.hpp"
#include "monitor/small_gpt.hpp"

// Models without tokens, masked language models, and what the loss knows.
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using Catch::Matchers::WithinAbs;
using infoplane::AxisOrder;
using infoplane::BatchDetails;
using infoplane::LossKind;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::SiteError;
using infoplane::plane::Point;
using infoplane::test::SmallGPT;
using infoplane::test::text;

namespace {

/// [sequences, length, 8], of which class and position say something.
at::Tensor stream(std::int64_t sequences, std::int64_t length, const at::Tensor& classes, double shift) {
  const auto noise = (at::arange(sequences * length * 8) * 1.37 + shift).sin().view({sequences, length, 8});
  const auto hint = (classes.view({sequences, -1, 1}).expand({sequences, length, 1}) + at::arange(8)).cos();
  return noise.mul(0.7).add(hint).to(at::kFloat);
}

void check_shares(const Point& point) {
  for (const auto& layer : point.layers) {
    for (const auto& [key, value] : layer.metrics) {
      const auto set = key.starts_with("share/") ? key.substr(6) : "/";
      if (set.find('/') == std::string::npos && layer.metrics.at("tokens/" + set) > 0) {
        INFO(layer.name << " " << key << " " << value);
        CHECK(value >= 0);
        CHECK(value <= 1);
      }
    }
  }
}

}  // namespace

TEST_CASE("without tokens the context is measured, at the positions of the activations", "[monitor][no_tokens]") {
  Monitor monitor(MonitorOptions().every(1));
  const auto classes = at::arange(16).remainder(3);
  for (std::int64_t step = 0; step < 3; ++step) {
    const auto observation = monitor.observe(step);
    infoplane::tap("blocks.0", stream(16, 10, classes, static_cast<double>(step)));
    infoplane::tap("blocks.1", stream(16, 10, classes, 0.5 + static_cast<double>(step)));
    const auto point = monitor.end_step(step);
    REQUIRE(point);
    CHECK(point->tokens == 160);
    CHECK(point->layers.size() == 2);
    for (const auto& layer : point->layers) {
      CHECK(layer.tokens == 160);
      CHECK(layer.sequences == 16);
      CHECK(layer.metrics.at("I(X;Z)/context") > 0);
      CHECK(layer.metrics.at("I(X;Z)/context") <= layer.metrics.at("H(Z)"));
      CHECK(layer.metrics.at("I(X;Z)/context/standard_error") > 0);
      CHECK_FALSE(layer.metrics.contains("I(X;Z)/input_unigram"));
    }
    CHECK(point->mean.contains("I(X;Z)/context/corrected"));
  }
}

TEST_CASE("without tokens labels of the details are measured, and their shares lie in [0, 1]", "[monitor][no_tokens]") {
  Monitor monitor(MonitorOptions().every(1));
  const auto classes = at::arange(16).remainder(3);
  for (std::int64_t step = 0; step < 4; ++step) {
    const auto labels = classes.view({16, 1}).expand({16, 10});
    const auto details = BatchDetails().labels({{"class", labels}, {"position", at::arange(10).expand({16, 10})}});
    const auto observation = step % 2 == 0 ? monitor.observe(step, details) : monitor.observe_heldout(step, details);
    infoplane::tap("blocks.0", stream(16, 10, classes, static_cast<double>(step)));
    const auto point = step % 2 == 0 ? monitor.end_step(step) : monitor.end_heldout(step);
    REQUIRE(point);
    const auto& metrics = point->layers.at(0).metrics;
    CHECK(metrics.at("share/class") > 0.1);
    CHECK(metrics.at("I(X;Z)/class") <= metrics.at("I(X;Z)/context"));
    CHECK(metrics.at("tokens/class") == 160);
    check_shares(*point);
  }
}

TEST_CASE("without tokens a label of each sequence goes with [B, d]", "[monitor][no_tokens]") {
  Monitor monitor(MonitorOptions().every(1));
  const auto classes = at::arange(48).remainder(3);
  const auto observation = monitor.observe(0, BatchDetails().labels({{"class", classes}}));
  infoplane::tap("head", stream(48, 1, classes, 0).reshape({48, 8}));
  const auto layer = monitor.end_step(0)->layers.at(0);
  CHECK(layer.sequences == 48);
  CHECK(layer.tokens == 48);
  CHECK(layer.metrics.at("tokens/class") == 48);
  CHECK(std::isfinite(layer.metrics.at("I(X;Z)/class/corrected")));
  CHECK(layer.metrics.at("share/class/standard_error") > 0);
}

TEST_CASE("without tokens the layout is that of the options", "[monitor][no_tokens]") {
  const auto classes = at::arange(12).remainder(3);
  const auto measure = [&](MonitorOptions options, const at::Tensor& z) {
    Monitor monitor(std::move(options.every(1)));
    const auto observation = monitor.observe(0);
    infoplane::tap("blocks.0", z);
    return monitor.end_step(0)->layers.at(0);
  };
  const auto z = stream(12, 5, classes, 0);
  const auto batch_first = measure(MonitorOptions(), z);
  const auto time_first = measure(MonitorOptions().activations(AxisOrder::kTimeFirst), z.transpose(0, 1));
  CHECK(batch_first.sequences == 12);
  CHECK(time_first.sequences == 12);
  CHECK(time_first.metrics.at("I(X;Z)/context") == batch_first.metrics.at("I(X;Z)/context"));
  CHECK_THAT(time_first.metrics.at("I(X;Z)/context/standard_error"),
             WithinAbs(batch_first.metrics.at("I(X;Z)/context/standard_error"), 1e-9));
  CHECK(measure(MonitorOptions(), z.reshape({60, 8})).sequences == 60);
}

TEST_CASE("without tokens wrong shapes are errors", "[monitor][no_tokens]") {
  const auto classes = at::arange(12).remainder(3);
  Monitor monitor(MonitorOptions().every(1));
  CHECK_THROWS_AS(monitor.observe(0, BatchDetails().labels(
                                         {{"a", at::zeros({3, 4}, at::kLong)}, {"b", at::zeros({3, 5}, at::kLong)}})),
                  infoplane::ShapeError);
  CHECK_THROWS_MATCHES(monitor.observe(0, BatchDetails().positions(at::arange(3))), infoplane::ArgumentError,
                       MessageMatches(ContainsSubstring("got no tokens")));
  {
    const auto observation = monitor.observe(0);
    infoplane::tap("blocks.0", stream(12, 5, classes, 0).unsqueeze(0).unsqueeze(0));
  }
  CHECK_THROWS_MATCHES(monitor.end_step(0), SiteError, MessageMatches(ContainsSubstring("[1, 1, 12, 5, 8]")));
  {
    const auto observation = monitor.observe(1);
    infoplane::tap("blocks.0", stream(12, 5, classes, 0));
    infoplane::tap("blocks.1", stream(12, 5, classes, 0).slice(0, 1));
  }
  CHECK_THROWS_AS(monitor.end_step(1), SiteError);
}

TEST_CASE("a masked encoder: distances are over the same positions or not at all", "[monitor][no_tokens]") {
  const auto tokens = text(16, 20);
  auto targets = at::full_like(tokens, -100);
  targets.index_put_({at::arange(16).view({16, 1}), at::arange(2, 20, 7).view({1, -1})}, 5);  // 3 of 20
  const auto measure = [&](bool same) {
    Monitor monitor(MonitorOptions().every(1).labels(
        infoplane::labels::LabelOptions().input_orders({1}).output_orders({1}).same_positions(same)));
    const auto observation = monitor.observe(0, tokens, targets);
    infoplane::tap("blocks.0", stream(16, 20, at::arange(16).remainder(4), 0));
    return *monitor.end_step(0);
  };
  const auto apart = measure(false);
  CHECK(std::isnan(apart.mean.at("distance/unigram")));
  CHECK(std::isnan(apart.mean.at("distance_of_means/unigram")));
  CHECK_THAT(apart.layers[0].reasons.at("distance/unigram"),
             ContainsSubstring("input_unigram is over 320 positions and output_unigram over 48") &&
                 ContainsSubstring("same_positions(true)"));
  check_shares(apart);
  const auto same = measure(true);
  CHECK(same.layers[0].metrics.at("tokens/input_unigram") == 48);
  CHECK(same.layers[0].metrics.at("tokens/output_unigram") == 48);
  CHECK(std::isfinite(same.mean.at("distance/unigram")));
  CHECK(same.layers[0].tokens == 320);
  check_shares(same);
}

TEST_CASE("models that train: shares lie in [0, 1] at every step, losses are those without a monitor",
          "[monitor][no_tokens]") {
  constexpr int kSteps = 6;
  const auto inputs = text(8, 12);
  auto targets = at::full_like(inputs, -100);
  targets.index_put_({at::arange(8).view({8, 1}), at::arange(1, 12, 5).view({1, -1})}, 3);  // of a masked model
  /// Losses of a training; `observe(monitor, step)`: what the loop says of its forward.
  const auto train = [&](const auto& observe, bool watched) {
    torch::manual_seed(1);
    SmallGPT model(11, 16, 2);
    torch::optim::SGD optimizer(model->parameters(), 0.1);
    Monitor monitor(model, MonitorOptions().every(1));
    std::vector<double> losses;
    for (int step = 0; step < kSteps; ++step) {
      const auto observation = watched ? observe(monitor, step) : infoplane::Observation();
      const auto logits = model->forward(inputs);
      const auto loss = torch::nn::functional::cross_entropy(
          logits.flatten(0, 1), targets.flatten(), torch::nn::functional::CrossEntropyFuncOptions().ignore_index(-100));
      if (watched) {
        const auto point = monitor.end_step(step, loss);
        REQUIRE(point);
        CHECK(point->layers.size() == 3);
        CHECK(point->mean.at("I(X;Z)/context") > 0);
        check_shares(*point);
      }
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      losses.push_back(loss.item<double>());
    }
    return losses;
  };
  const auto masked = [&](Monitor& monitor, int step) { return monitor.observe(step, inputs, targets); };
  const auto without = [](Monitor& monitor, int step) { return monitor.observe(step); };
  const auto expected = train(without, false);
  CHECK(train(masked, true) == expected);
  CHECK(train(without, true) == expected);
}

TEST_CASE("what the loss knows, where it is said to be a cross-entropy", "[monitor][predicted]") {
  Monitor monitor(MonitorOptions().every(1));
  const auto tokens = at::arange(16 * 20).mul(7).remainder(5).view({16, 20});
  const auto measure = [&](std::int64_t step, auto end) {
    const auto observation = monitor.observe(step, tokens);
    infoplane::tap("blocks.0", stream(16, 20, at::arange(16).remainder(4), 0));
    return end();
  };
  const auto plain = measure(0, [&] { return monitor.end_step(0, 1.25); });
  CHECK_FALSE(plain->mean.contains("predicted/unigram"));
  const auto point = measure(1, [&] { return monitor.end_step(1, 1.25, LossKind::kCrossEntropy); });
  // Each row begins with token 0, which is behind no position: it comes 48 times of 304, the others 64 times.
  const double entropy = std::log(304.0) - (48 * std::log(48.0) + 4 * 64 * std::log(64.0)) / 304;
  CHECK_THAT(point->mean.at("predicted/unigram"), WithinAbs((entropy - 1.25) / std::log(100.0), 1e-12));
  CHECK_THAT(point->mean.at("predicted/unigram/corrected") - point->mean.at("predicted/unigram"),
             WithinAbs(4.0 / (2 * 304) / std::log(100.0), 1e-12));
  const auto tensor = measure(2, [&] { return monitor.end_step(2, at::scalar_tensor(1.25), LossKind::kCrossEntropy); });
  CHECK(tensor->mean.at("predicted/unigram") == point->mean.at("predicted/unigram"));
  const auto none = measure(3, [&] { return monitor.end_step(3, std::nullopt, LossKind::kCrossEntropy); });
  CHECK_FALSE(none->mean.contains("predicted/unigram"));
}
