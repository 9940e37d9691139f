#include <torch/utils.h>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <cstdint>
#include <infoplane/core/error.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/plane/metric_keys.hpp>
#include <infoplane/runs/run_header.hpp>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "distributed/thread_ranks.hpp"
#include "monitor/point_checks.hpp"
#include "monitor/small_gpt.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::distributed::Communicator;
using infoplane::estimator::SoftEntropyOptions;
using infoplane::plane::Point;
using infoplane::test::SmallGPT;
using infoplane::test::text;

namespace {

const std::string kContext = infoplane::plane::context_key();
const std::string kDirection = infoplane::plane::mean_direction_key();

MonitorOptions centred() {
  return MonitorOptions().every(2).window(2).estimator(SoftEntropyOptions().anchors(50).centre(true));
}

SmallGPT make_model() {
  torch::manual_seed(5);
  SmallGPT model(11, 16, 2);
  model->eval();
  return model;
}

/// With the same weights; made by one thread, which has the default generator.
std::vector<SmallGPT> make_models(int count) {
  std::vector<SmallGPT> models;
  for (int i = 0; i < count; ++i) {
    models.push_back(make_model());
  }
  return models;
}

std::shared_ptr<Communicator> borrowed(Communicator& communicator) {
  return {std::shared_ptr<Communicator>(), &communicator};
}

/// The rows of a rank's part of a step's batch.
at::Tensor tokens_of(std::int64_t step, int rank = 0, int ranks = 1) {
  const auto all = text(12, 32, step % 2);
  const std::int64_t share = 12 / ranks;
  return all.slice(0, rank * share, (rank + 1) * share);
}

std::optional<Point> step(Monitor& monitor, SmallGPT& model, std::int64_t number, int rank = 0, int ranks = 1) {
  const auto tokens = tokens_of(number, rank, ranks);
  {
    const auto observation = monitor.observe(number, tokens);
    model->forward(tokens);
  }
  return monitor.end_step(number);
}

std::vector<Point> points(Monitor& monitor, SmallGPT& model, std::int64_t first, std::int64_t last, int rank = 0,
                          int ranks = 1) {
  std::vector<Point> result;
  for (std::int64_t number = first; number <= last; ++number) {
    if (auto point = step(monitor, model, number, rank, ranks)) {
      result.push_back(std::move(*point));
    }
  }
  return result;
}

}  // namespace

TEST_CASE("centre: the first window finds it and has no values, the next are without it", "[monitor][centre]") {
  auto model = make_model();
  Monitor monitor(model, centred()), plain(model, centred().estimator(SoftEntropyOptions().anchors(50)));
  const auto with = points(monitor, model, 0, 4), without = points(plain, model, 0, 4);
  REQUIRE(with.size() == 3);
  const auto& first = with.front().layers.at(1);
  for (const auto& key : {kContext, kDirection, std::string("I(X;Z)/input_unigram/corrected"), std::string("H(Z)")}) {
    REQUIRE(std::isnan(first.metrics.at(key)));
    REQUIRE_THAT(first.reasons.at(key), ContainsSubstring("the first window of a site finds the centre"));
    REQUIRE(std::isnan(with.front().mean.at(key)));
  }
  REQUIRE(first.metrics.at("tokens/input_unigram") > 0);
  REQUIRE(first.tokens == without.front().layers.at(1).tokens);
  for (std::size_t i = 1; i < with.size(); ++i) {
    for (std::size_t layer = 0; layer < with[i].layers.size(); ++layer) {
      const auto& here = with[i].layers[layer].metrics;
      const auto& there = without[i].layers[layer].metrics;
      REQUIRE(std::isfinite(here.at(kContext)));
      REQUIRE(here.at(kDirection) < there.at(kDirection));
      REQUIRE(here.at(kDirection) < 0.25);  // a step from the window before
    }
  }
}

TEST_CASE("centre: splits have centres of their own, and draws the same", "[monitor][centre]") {
  auto model = make_model();
  Monitor monitor(model, centred().draws(2));
  const auto heldout = [&](std::int64_t number) {
    const auto tokens = text(12, 32, 7);
    {
      const auto observation = monitor.observe_heldout(number, tokens);
      model->forward(tokens);
    }
    return *monitor.end_heldout(number);
  };
  REQUIRE(std::isnan(heldout(0).mean.at(kContext)));
  REQUIRE(std::isnan(points(monitor, model, 0, 0).at(0).mean.at(kContext)));
  // The same tokens as in the window before, so what is left has no direction at all.
  const auto second = heldout(1);
  REQUIRE(std::isfinite(second.mean.at(kContext + "/draw_error")));
  for (const auto& layer : second.layers) {
    REQUIRE(std::isfinite(layer.metrics.at(kDirection)));
  }
  REQUIRE(std::isfinite(points(monitor, model, 1, 2).at(0).mean.at(kContext)));
}

TEST_CASE("centre: ranks measure what one process does", "[monitor][centre][ranks]") {
  auto model = make_model();
  Monitor alone(model, centred());
  const auto expected = points(alone, model, 0, 6);
  for (const int ranks : {2, 3, 4}) {
    std::vector<std::vector<Point>> got(static_cast<std::size_t>(ranks));
    auto models = make_models(ranks);
    infoplane::test::run_thread_ranks(ranks, [&](Communicator& communicator) {
      auto& own = models[static_cast<std::size_t>(communicator.rank())];
      Monitor monitor(own, centred(), borrowed(communicator));
      got[static_cast<std::size_t>(communicator.rank())] =
          points(monitor, own, 0, 6, communicator.rank(), communicator.size());
    });
    for (const auto& of_rank : got) {
      REQUIRE(of_rank.size() == expected.size());
      for (std::size_t i = 1; i < expected.size(); ++i) {
        for (std::size_t layer = 0; layer < expected[i].layers.size(); ++layer) {
          const auto& one = expected[i].layers[layer].metrics;
          const auto& other = of_rank[i].layers[layer].metrics;
          REQUIRE(std::abs(one.at(kContext) - other.at(kContext)) < 1e-6);
          REQUIRE(std::abs(one.at("I(X;Z)/input_unigram") - other.at("I(X;Z)/input_unigram")) < 1e-6);
          REQUIRE(std::abs(one.at(kDirection) - other.at(kDirection)) < 1e-6);
        }
      }
    }
  }
}

TEST_CASE("centre: a resumed run has the same bits", "[monitor][centre][state]") {
  auto model = make_model();
  for (const std::int64_t cut : {0, 1, 2, 3}) {  // before the first point, inside windows, and at their ends
    Monitor whole(model, centred()), before(model, centred()), after(model, centred());
    points(whole, model, 0, cut);
    points(before, model, 0, cut);
    std::stringstream state;
    before.save(state);
    after.load(state);
    const auto expected = points(whole, model, cut + 1, 6), got = points(after, model, cut + 1, 6);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      infoplane::test::require_same_values(got[i], expected[i]);
    }
  }
}

TEST_CASE("centre: states, ranks and runs that differ in it do not compare", "[monitor][centre]") {
  auto model = make_model();
  Monitor with(model, centred()), without(model, centred().estimator(SoftEntropyOptions().anchors(50)));
  points(with, model, 0, 1);
  std::stringstream state;
  with.save(state);
  REQUIRE_THROWS_MATCHES(without.load(state), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("the state of a monitor with other settings")));
  infoplane::runs::RunHeader one, other;
  one.centre = true;
  REQUIRE(infoplane::runs::differing_fields(one, other) == std::vector<std::string>{"centre (yes and no)"});
  auto models = make_models(2);
  infoplane::test::run_thread_ranks(2, [&](Communicator& communicator) {
    auto& own = models[static_cast<std::size_t>(communicator.rank())];
    auto options = centred();
    options.estimator(SoftEntropyOptions().anchors(50).centre(communicator.rank() == 0));
    Monitor monitor(own, options, borrowed(communicator));
    REQUIRE_THROWS_MATCHES(step(monitor, own, 0, communicator.rank(), 2), infoplane::ArgumentError,
                           MessageMatches(ContainsSubstring("centre (yes and no)")));
  });
}
