#include <ATen/ATen.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <stdexcept>

#include "distributed/thread_ranks.hpp"
#include "monitor/rank_steps.hpp"

using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::distributed::Communicator;
using infoplane::plane::Point;
using infoplane::test::activations_of;
using infoplane::test::tokens_of;

namespace {

using Points = std::vector<std::optional<Point>>;

/// What `body` returns on each of two ranks.
template <typename Body>
Points on_two_ranks(const Body& body) {
  Points points(2);
  infoplane::test::run_thread_ranks(2, [&](Communicator& communicator) {
    Monitor monitor(MonitorOptions().every(2), {std::shared_ptr<Communicator>(), &communicator});
    points.at(static_cast<std::size_t>(communicator.rank())) = body(monitor, communicator.rank());
  });
  return points;
}

/// 48 tokens at two sites; the forward stops or throws behind the first.
enum class Ends { kWhole, kThrows, kEarly };
void observe(Monitor& monitor, std::int64_t step, Ends ends = Ends::kWhole) {
  const auto tokens = tokens_of(step);
  try {
    const auto observation = monitor.observe(step, tokens);
    infoplane::tap("blocks.0", activations_of(tokens, 0));
    if (ends == Ends::kThrows) {
      throw std::runtime_error("out of memory");
    }
    if (ends == Ends::kWhole) {
      infoplane::tap("blocks.1", activations_of(tokens, 1));
    }
  } catch (const std::runtime_error&) {
  }
}

void require_both(const Points& points, std::int64_t tokens, const std::string& why) {
  for (const auto& point : points) {
    REQUIRE(point->tokens == tokens);
    REQUIRE(point->reasons.at("tokens") == why);
    REQUIRE(point->layers.size() == 2);
    for (const auto& layer : point->layers) {
      REQUIRE(layer.tokens == tokens);
      REQUIRE(layer.reasons.at("tokens") == why);
    }
  }
}

}  // namespace

TEST_CASE("what one rank drops, the point says on all", "[monitor][windows][distributed]") {
  const auto points = on_two_ranks([](Monitor& monitor, int rank) {
    observe(monitor, 2);
    observe(monitor, 2, rank == 1 ? Ends::kThrows : Ends::kWhole);
    return monitor.end_step(2);
  });
  require_both(points, 3 * 48,
               "rank 1: not counted: 48 tokens of step 2 (1 micro-batch), whose observation an exception ended");
}

TEST_CASE("what every rank drops is named for each", "[monitor][windows][distributed]") {
  const auto points = on_two_ranks([](Monitor& monitor, int /*rank*/) {
    observe(monitor, 0);  // the mean loss is NaN: every rank skips end_step
    observe(monitor, 2);
    return monitor.end_step(2);
  });
  const std::string why =
      "not counted: 48 tokens of step 0 (1 micro-batch), which lie outside the window of this point, and whose own "
      "end_step did not come";
  require_both(points, 2 * 48, "rank 0: " + why + "; rank 1: " + why);
}

TEST_CASE("a step of which no rank counts anything", "[monitor][windows][distributed]") {
  SECTION("because it threw: no point, and the next one says so") {
    const auto points = on_two_ranks([](Monitor& monitor, int rank) {
      observe(monitor, 0);
      monitor.end_step(0);
      observe(monitor, 2, rank == 0 ? Ends::kThrows : Ends::kWhole);
      observe(monitor, 4, Ends::kThrows);
      if (monitor.end_step(4)) {
        throw std::logic_error("there was nothing to measure");
      }
      observe(monitor, 6);
      return monitor.end_step(6);
    });
    for (const auto& point : points) {
      REQUIRE(point->tokens == 96);
      REQUIRE(
          point->reasons.at("tokens") ==
          "rank 0: not counted: 96 tokens of steps 2 to 4 (2 micro-batches), whose observation an exception ended; "
          "rank 1: not counted: 48 tokens of step 4 (1 micro-batch), whose observation an exception ended; 48 tokens "
          "of step 2 (1 micro-batch), which lie outside the window of this point, and whose own end_step did not "
          "come");
    }
  }
  SECTION("because forwards ended early: a point of NaN") {
    const auto points = on_two_ranks([](Monitor& monitor, int /*rank*/) {
      observe(monitor, 0);
      monitor.end_step(0);
      observe(monitor, 2, Ends::kEarly);
      return monitor.end_step(2);
    });
    for (const auto& point : points) {
      REQUIRE(point->step == 2);
      REQUIRE(point->tokens == 0);
      REQUIRE(std::isnan(point->mean.at("H(Z)")));
      REQUIRE(point->layers.at(1).reasons.at("H(Z)").starts_with("rank 0: not counted: 48 tokens of step 2"));
    }
  }
}

TEST_CASE("ranks choose one window, by the tokens of all", "[monitor][windows][distributed]") {
  std::vector<std::vector<bool>> observed(2);
  infoplane::test::run_thread_ranks(2, [&](Communicator& communicator) {
    Monitor monitor(MonitorOptions(), {std::shared_ptr<Communicator>(), &communicator});
    infoplane::test::step_of(monitor, 0, 1);  // 48 tokens in 4 sequences on each
    for (const std::int64_t step : {6, 7, 8, 50}) {
      observed.at(static_cast<std::size_t>(communicator.rank())).push_back(monitor.observes(step));
    }
  });
  REQUIRE(observed[0] == std::vector<bool>{false, false, true, true});  // ⌈4096 / 96⌉ = 43
  REQUIRE(observed[1] == observed[0]);
}
