// One rank and many go the same way: when an error is thrown, what it takes along, and in which order sites come.
#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/local.hpp>
#include <infoplane/hooks/tap.hpp>
#include <stdexcept>

#include "distributed/thread_ranks.hpp"
#include "monitor/compare_points.hpp"
#include "monitor/rank_steps.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::distributed::Communicator;
using infoplane::plane::Point;
using infoplane::test::activations_of;
using infoplane::test::step_of;
using infoplane::test::tokens_of;

namespace {

std::shared_ptr<Communicator> borrowed(Communicator& communicator) {
  return {std::shared_ptr<Communicator>(), &communicator};
}

/// 48 tokens at these sites.
void observe(Monitor& monitor, std::int64_t step, const std::vector<std::string>& sites = {"blocks.0", "blocks.1"}) {
  const auto tokens = tokens_of(step);
  const auto observation = monitor.observe(step, tokens);
  for (const auto& site : sites) {
    infoplane::tap(site, activations_of(tokens, 0));
  }
}

std::vector<std::string> names_of(const Point& point) {
  std::vector<std::string> names;
  for (const auto& layer : point.layers) {
    names.push_back(layer.name);
  }
  return names;
}

}  // namespace

TEST_CASE("a communicator of one rank and none are one monitor", "[monitor][distributed]") {
  Monitor without(MonitorOptions().every(2));
  Monitor with(MonitorOptions().every(2), std::make_shared<infoplane::distributed::Local>());
  for (const std::int64_t step : {0, 2}) {
    auto one = step_of(without, step, 0.5);
    auto other = step_of(with, step, 0.5);
    CHECK(infoplane::test::same_points({*one}, {*other}));
  }
  CHECK(without.mean_over_ranks({{"a", 1}}) == infoplane::plane::Metrics{{"a", 1}});
  CHECK(without.rank() == 0);
  CHECK(without.world_size() == 1);
}

TEST_CASE("a wrong step or loss leaves the window of one rank", "[monitor][windows]") {
  Monitor monitor(MonitorOptions().every(2));
  observe(monitor, 2);
  REQUIRE_THROWS_AS(monitor.end_step(4), infoplane::StateError);
  REQUIRE_THROWS_AS(monitor.end_step(2, at::zeros({2})), infoplane::ShapeError);
  const auto point = monitor.end_step(2, 0.25);
  REQUIRE(point->tokens == 48);
  REQUIRE(point->loss == 0.25);
  REQUIRE(!point->reasons.contains("tokens"));
}

TEST_CASE("over ranks, a wrong loss leaves the window of its rank and ends those of the others",
          "[monitor][windows][distributed]") {
  std::vector<std::optional<Point>> points(2);
  std::vector<std::string> messages(2);
  infoplane::test::run_thread_ranks(2, [&](Communicator& communicator) {
    const auto rank = static_cast<std::size_t>(communicator.rank());
    Monitor monitor(MonitorOptions().every(2), borrowed(communicator));
    observe(monitor, 2);
    try {
      monitor.end_step(2, rank == 1 ? at::zeros({2}) : at::zeros({1}));
    } catch (const infoplane::StateError& error) {
      messages[rank] = error.what();
    }
    points[rank] = monitor.end_step(2, at::ones({1}));
  });
  CHECK_THAT(messages[0], ContainsSubstring("step 2 of train failed on rank 1: the loss must be one number"));
  CHECK(messages[1] == messages[0]);
  REQUIRE(points[0].has_value());
  CHECK(points[0]->tokens == 48);  // of rank 1
  CHECK(points[0]->reasons.at("tokens") ==
        "rank 0: not counted: 48 tokens of step 2 (1 micro-batch), whose window an error ended");
  CHECK(infoplane::test::same_points({*points[0]}, {*points[1]}));
}

TEST_CASE("a loss that is NaN counts, one that is not given does not", "[monitor][distributed]") {
  std::vector<double> given(2), not_given(2);
  infoplane::test::run_thread_ranks(2, [&](Communicator& communicator) {
    const auto rank = static_cast<std::size_t>(communicator.rank());
    Monitor monitor(MonitorOptions().every(1), borrowed(communicator));
    observe(monitor, 1);
    given[rank] = (rank == 0 ? monitor.end_step(1, std::nan("")) : monitor.end_step(1, 2))->loss;
    observe(monitor, 2);
    not_given[rank] = (rank == 0 ? monitor.end_step(2) : monitor.end_step(2, 2))->loss;
  });
  for (const std::size_t rank : {0, 1}) {
    CHECK(std::isnan(given[rank]));
    CHECK(not_given[rank] == 2);
  }
}

TEST_CASE("sites come in the order of the first rank, and others' in between", "[monitor][distributed]") {
  const std::vector<std::string> two_stacks = {"enc.0", "enc.1", "dec.0", "dec.1"};
  std::vector<Point> points(2);
  infoplane::test::run_thread_ranks(2, [&](Communicator& communicator) {
    Monitor monitor(MonitorOptions().every(1).stacks_share_tokens(true), borrowed(communicator));
    observe(monitor, 1, two_stacks);
    points.at(static_cast<std::size_t>(communicator.rank())) = *monitor.end_step(1);
  });
  Monitor alone(MonitorOptions().every(1).stacks_share_tokens(true));
  observe(alone, 1, two_stacks);
  CHECK(names_of(points[0]) == names_of(*alone.end_step(1)));
  CHECK(names_of(points[1]) == names_of(points[0]));
}

TEST_CASE("a sink that fails on the first rank ends no point", "[monitor][distributed]") {
  struct Broken : infoplane::sinks::Sink {
    Broken() : Sink("broken") {}
    void write_header(const infoplane::runs::RunHeader&) override { throw std::runtime_error("no space"); }
    void write_point(const Point&) override { throw std::runtime_error("no space"); }
  };
  std::vector<std::int64_t> failures(2);
  std::vector<std::int64_t> tokens(2);
  infoplane::test::run_thread_ranks(2, [&](Communicator& communicator) {
    const auto rank = static_cast<std::size_t>(communicator.rank());
    Monitor monitor(MonitorOptions().every(1), borrowed(communicator));
    const auto broken = std::make_shared<Broken>();
    monitor.add_sink(broken);
    tokens[rank] = step_of(monitor, 1, 1.0)->tokens;
    failures[rank] = broken->failures();
  });
  CHECK(tokens == std::vector<std::int64_t>{96, 96});
  CHECK(failures == std::vector<std::int64_t>{2, 0});
}
