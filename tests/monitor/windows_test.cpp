#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <sstream>

#include "monitor/point_checks.hpp"
#include "monitor/small_gpt.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::plane::Point;
using infoplane::test::require_same_values;
using infoplane::test::require_tokens;
using infoplane::test::SmallGPT;
using infoplane::test::text;

namespace {

SmallGPT model_without_dropout() {
  SmallGPT model(11, 16, 2);
  model->eval();
  return model;
}

/// A micro-batch of 48 tokens.
void observe(Monitor& monitor, SmallGPT& model, std::int64_t step, std::int64_t part = 0) {
  const auto tokens = text(4, 12, 3 * step + part);
  const auto observation = monitor.observe(step, tokens);
  model->forward(tokens);
}

struct Recorder : infoplane::sinks::Sink {
  Recorder() : Sink("recorder") {}
  void write_header(const infoplane::runs::RunHeader& /*header*/) override {}
  void write_point(const Point& point) override { points.push_back(point); }
  std::vector<Point> points;
};

}  // namespace

TEST_CASE("a logged step whose end_step was skipped leaks nothing into the next point", "[monitor][windows]") {
  auto model = model_without_dropout();
  Monitor monitor(model, MonitorOptions().every(50));
  Monitor undisturbed(model, MonitorOptions().every(50));
  for (const std::int64_t part : {0, 1}) {
    observe(monitor, model, 0, part);  // the loss is NaN: continue
  }
  for (const std::int64_t part : {0, 1}) {
    observe(monitor, model, 50, part);
    observe(undisturbed, model, 50, part);
  }
  const auto point = monitor.end_step(50);
  const auto expected = undisturbed.end_step(50);
  require_tokens(*point, 96);
  require_same_values(*point, *expected);
  const std::string why =
      "not counted: 96 tokens of step 0 (2 micro-batches), which lie outside the window of this point, and whose own "
      "end_step did not come";
  REQUIRE(point->reasons.at("tokens") == why);
  REQUIRE(point->layer("blocks.1")->reasons.at("tokens") == why);
  REQUIRE(expected->reasons.empty());
  observe(monitor, model, 100);
  REQUIRE(monitor.end_step(100)->reasons.empty());  // said once
}

TEST_CASE("the window of a point is the w steps up to the logged one", "[monitor][windows]") {
  auto model = model_without_dropout();
  Monitor monitor(model, MonitorOptions().every(10).window(3));
  for (std::int64_t step = 0; step <= 20; ++step) {
    observe(monitor, model, step);
    if (step != 10 && step != 19) {  // of these end_step is skipped
      const auto point = monitor.end_step(step);
      REQUIRE(point.has_value() == (step == 0 || step == 20));
      if (step == 20) {
        require_tokens(*point, 3 * 48);  // 18, 19 and 20; a step inside counts without its end_step
        REQUIRE(point->reasons.at("tokens") ==
                "not counted: 144 tokens of steps 8 to 10 (3 micro-batches), which lie outside the window of this "
                "point, and whose own end_step did not come");
      }
    }
  }
}

TEST_CASE("steps that are run again after a restart replace those of the run before", "[monitor][windows]") {
  auto model = model_without_dropout();
  Monitor monitor(model, MonitorOptions().every(10).window(10));
  for (const std::int64_t step : {1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9, 10}) {  // the checkpoint was of step 3
    observe(monitor, model, step);
    if (step < 10) {
      REQUIRE_FALSE(monitor.end_step(step).has_value());
    }
  }
  const auto point = monitor.end_step(10);
  require_tokens(*point, 7 * 48);
  REQUIRE(point->reasons.at("tokens") ==
          "not counted: 240 tokens of steps 1 to 5 (5 micro-batches), behind which an earlier step was observed");
}

TEST_CASE("a held-out pass holds its own forwards only", "[monitor][windows]") {
  auto model = model_without_dropout();
  auto recorder = std::make_shared<Recorder>();
  Monitor monitor(model, MonitorOptions().every(10));
  monitor.add_sink(recorder);
  const auto evaluate = [&](std::int64_t step) {
    const auto tokens = text(2, 12, step);
    const auto observation = monitor.observe_heldout(step, tokens);
    model->forward(tokens);
  };
  evaluate(10);  // nobody ends it
  evaluate(20);
  evaluate(20);
  REQUIRE(recorder->points.empty());
  const auto point = monitor.end_heldout(20);
  require_tokens(*point, 48);
  REQUIRE(recorder->points.size() == 1);
  REQUIRE(
      point->reasons.at("tokens") ==
      "not counted: 24 tokens of step 10 (1 micro-batch), which lie outside the window of this point, and whose own "
      "end_step did not come");
}

TEST_CASE("a window that was saved is still of its logged step", "[monitor][windows][state]") {
  auto model = model_without_dropout();
  Monitor monitor(model, MonitorOptions().every(10).window(2));
  observe(monitor, model, 9);
  observe(monitor, model, 10);
  std::stringstream saved;
  monitor.save(saved);
  Monitor resumed(model, MonitorOptions().every(10).window(2));
  resumed.load(saved);
  observe(resumed, model, 20);
  std::stringstream again;
  resumed.save(again);  // and what was dropped goes along
  Monitor third(model, MonitorOptions().every(10).window(2));
  third.load(again);
  const auto point = third.end_step(20);
  require_tokens(*point, 48);
  REQUIRE_THAT(point->reasons.at("tokens"), ContainsSubstring("96 tokens of steps 9 to 10 (2 micro-batches)"));
}

TEST_CASE("what rescan and an error take out of a window is said", "[monitor][windows]") {
  auto model = model_without_dropout();
  Monitor monitor(model, MonitorOptions().every(4).window(4));
  observe(monitor, model, 1);
  SECTION("rescan") {
    monitor.rescan();
    observe(monitor, model, 4);
    const auto point = monitor.end_step(4);
    require_tokens(*point, 48);
    REQUIRE(point->reasons.at("tokens") ==
            "not counted: 48 tokens of step 1 (1 micro-batch), which were observed before rescan()");
  }
  SECTION("an error") {
    {
      const auto observation = monitor.observe(2, text(4, 12));
      model->forward(text(4, 9));
    }
    REQUIRE_THROWS_AS(monitor.end_step(2), infoplane::SiteError);
    observe(monitor, model, 4);
    const auto point = monitor.end_step(4);
    require_tokens(*point, 48);
    REQUIRE(point->reasons.at("tokens") ==
            "not counted: 96 tokens of steps 1 to 2 (2 micro-batches), whose window an error ended");
  }
}

TEST_CASE("a lower step than the last observed one is no end of it", "[monitor][windows]") {
  auto model = model_without_dropout();
  Monitor monitor(model, MonitorOptions().every(10));
  observe(monitor, model, 20);
  REQUIRE_THROWS_MATCHES(monitor.end_step(10), infoplane::StateError,
                         MessageMatches(ContainsSubstring("step 10 ends, but the last observation was of step 20")));
  require_tokens(*monitor.end_step(20), 48);
}
