#include "monitor/window_choice.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <set>
#include <sstream>

#include "monitor/point_checks.hpp"
#include "monitor/small_gpt.hpp"

using Catch::Matchers::ContainsSubstring;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::plane::Point;
using infoplane::test::SmallGPT;
using infoplane::test::text;

namespace {

struct Headers : infoplane::sinks::Sink {
  Headers() : Sink("headers") {}
  void write_header(const infoplane::runs::RunHeader& header) override { window = header.window; }
  void write_point(const Point& /*point*/) override {}
  std::int64_t window = -1;
};

/// Trains on rows of `length` tokens from step `first` to `last`; the points, and the steps that were observed.
struct Trained {
  std::vector<Point> points;
  std::set<std::int64_t> observed;
};
Trained train(Monitor& monitor, SmallGPT& model, std::int64_t rows, std::int64_t length, std::int64_t first,
              std::int64_t last) {
  Trained trained;
  for (auto step = first; step <= last; ++step) {
    if (monitor.observes(step)) {
      trained.observed.insert(step);
    }
    const auto tokens = text(rows, length, step);
    const auto observation = monitor.observe(step, tokens);
    model->forward(tokens);
    if (auto point = monitor.end_step(step)) {
      trained.points.push_back(std::move(*point));
    }
  }
  return trained;
}

}  // namespace

TEST_CASE("by default a window has as many steps as bring 4096 tokens", "[monitor][windows]") {
  SmallGPT model(11, 16, 1);
  model->eval();
  Monitor monitor(model);
  auto headers = std::make_shared<Headers>();
  monitor.add_sink(headers);
  const auto trained = train(monitor, model, 8, 32, 0, 100);
  REQUIRE(trained.points.size() == 3);
  REQUIRE(trained.points[0].tokens == 256);  // there was nothing to choose by
  REQUIRE(trained.points[1].tokens == 4096);
  REQUIRE(trained.points[2].tokens == 4096);
  REQUIRE(trained.observed.size() == 1 + 16 + 16);
  REQUIRE(trained.observed.contains(35));
  REQUIRE_FALSE(trained.observed.contains(34));
  REQUIRE(headers->window == 16);
  for (const auto& point : trained.points) {
    REQUIRE_FALSE(point.reasons.contains("window"));
  }
}

TEST_CASE("few long sequences take more steps than their tokens need", "[monitor][windows]") {
  SmallGPT model(11, 16, 1);
  model->eval();
  Monitor monitor(model);
  const auto trained = train(monitor, model, 2, 2048, 50, 51);
  REQUIRE(trained.points.front().tokens == 4096);
  REQUIRE(monitor.observes(93));
  REQUIRE_FALSE(monitor.observes(92));
}

TEST_CASE("large micro-batches are a window each", "[monitor][windows]") {
  SmallGPT model(11, 16, 1);
  model->eval();
  Monitor monitor(model, MonitorOptions().every(4));
  const auto trained = train(monitor, model, 16, 256, 0, 8);
  REQUIRE(trained.observed == std::set<std::int64_t>{0, 4, 8});
  for (const auto& point : trained.points) {
    REQUIRE_FALSE(point.reasons.contains("window"));
  }
}

TEST_CASE("a window that cannot be large enough is told of once, with what would do", "[monitor][windows]") {
  SmallGPT model(11, 16, 1);
  model->eval();
  Monitor chosen(model, MonitorOptions().every(4));
  const auto of_chosen = train(chosen, model, 8, 32, 0, 8).points;
  REQUIRE(of_chosen.back().tokens == 4 * 256);
  REQUIRE(
      of_chosen.front().reasons.at("window") ==
      "points of the train split have 1024 tokens in 32 sequences; below 4096 tokens or 16 sequences corrected values "
      "are noisy, or undefined: MonitorOptions::window(16) would do, with every(16) or more");
  REQUIRE_FALSE(of_chosen.back().reasons.contains("window"));
  Monitor from_zero(model, MonitorOptions().every(20).window(16));  // its first point is of one step
  REQUIRE_FALSE(train(from_zero, model, 8, 32, 0, 20).points.front().reasons.contains("window"));
  Monitor given(model, MonitorOptions().every(20).window(2));
  const auto of_given = train(given, model, 8, 32, 20, 40).points;
  REQUIRE(of_given.back().tokens == 2 * 256);
  REQUIRE_THAT(of_given.front().reasons.at("window"),
               ContainsSubstring("have 256 tokens in 8 sequences") &&
                   ContainsSubstring("MonitorOptions::window(32) would do, with every(32) or more"));
}

TEST_CASE("small held-out passes are told of once", "[monitor][windows]") {
  SmallGPT model(11, 16, 1);
  model->eval();
  Monitor monitor(model);
  std::vector<Point> points;
  for (const std::int64_t step : {1, 2}) {
    const auto tokens = text(32, 32, 3);
    {
      const auto observation = monitor.observe_heldout(step, tokens);
      model->forward(tokens);
    }
    points.push_back(*monitor.end_heldout(step));
  }
  REQUIRE(
      points.front().reasons.at("window") ==
      "held-out points have 1024 tokens in 32 sequences; below 4096 tokens or 16 sequences corrected values are noisy, "
      "or undefined: hold out 4 times as many rows");
  REQUIRE_FALSE(points.back().reasons.contains("window"));
}

TEST_CASE("a chosen window is saved with the monitor", "[monitor][windows][state]") {
  SmallGPT model(11, 16, 1);
  model->eval();
  Monitor first(model);
  train(first, model, 8, 32, 0, 40);
  std::stringstream state;
  first.save(state);
  Monitor second(model);
  REQUIRE_FALSE(second.observes(36));
  second.load(state);
  REQUIRE(second.observes(35));
  REQUIRE_FALSE(second.observes(34));
  const auto one = train(first, model, 8, 32, 41, 50), other = train(second, model, 8, 32, 41, 50);
  REQUIRE(other.points.front().tokens == 4096);
  infoplane::test::require_same_values(one.points.front(), other.points.front());
}

TEST_CASE("what a window needs", "[monitor][windows]") {
  using infoplane::times_needed;
  REQUIRE(times_needed({4096, 16}) == 1);
  REQUIRE(times_needed({4095, 16}) == 2);
  REQUIRE(times_needed({100'000, 3}) == 6);
  REQUIRE(times_needed({1, 1}) == 4096);
  REQUIRE(times_needed({0, 0}) == 1);
  REQUIRE(infoplane::advice_on({4096, 16}, 1, 50).empty());
  REQUIRE(infoplane::advice_on({0, 0}, 1, 50).empty());
}
