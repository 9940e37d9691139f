#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
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
using infoplane::test::SmallGPT;
using infoplane::test::text;

namespace {

SmallGPT make_model() {
  SmallGPT model(11, 16, 2);
  model->eval();
  return model;
}

void pass(Monitor& monitor, SmallGPT& model, std::int64_t step, std::int64_t part) {
  const auto tokens = text(16, 64, part);
  const auto observation = monitor.observe_heldout(step, tokens);
  model->forward(tokens);
}

Point heldout(Monitor& monitor, SmallGPT& model, std::int64_t step = 1) {
  pass(monitor, model, step, 0);
  pass(monitor, model, step, 1);
  return *monitor.end_heldout(step);
}

}  // namespace

TEST_CASE("held-out points are means over draws of the anchors", "[monitor][draws]") {
  auto model = make_model();
  Monitor one(model), three(model, MonitorOptions().draws(3));
  const auto single = heldout(one, model), mean = heldout(three, model);
  const std::string key = "I(X;Z)/input_unigram";
  REQUIRE_FALSE(single.mean.contains(key + "/draw_error"));
  const double between = mean.mean.at(key + "/draw_error");
  REQUIRE(between > 0);
  REQUIRE(mean.mean.at(key + "/standard_error") > between);
  // The first draw is that of one: it lies within what three independent ones leave of each other.
  REQUIRE(std::abs(mean.mean.at(key + "/corrected") - single.mean.at(key + "/corrected")) < 6 * between);
  REQUIRE(mean.tokens == single.tokens);
  REQUIRE(mean.layers.size() == single.layers.size());
  REQUIRE(mean.layers.front().metrics.at("tokens/input_unigram") ==
          single.layers.front().metrics.at("tokens/input_unigram"));
  for (const auto& layer : mean.layers) {
    REQUIRE(layer.name.find("draw") == std::string::npos);
  }
}

TEST_CASE("points of the train split have one draw", "[monitor][draws]") {
  auto model = make_model();
  Monitor one(model, MonitorOptions().every(1)), three(model, MonitorOptions().every(1).draws(3));
  const auto step = [&](Monitor& monitor) {
    const auto tokens = text(16, 64, 0);
    const auto observation = monitor.observe(1, tokens);
    model->forward(tokens);
    return *monitor.end_step(1);
  };
  infoplane::test::require_same_values(step(one), step(three));
}

TEST_CASE("a held-out pass with draws goes on after a checkpoint", "[monitor][draws][state]") {
  auto model = make_model();
  const auto options = MonitorOptions().draws(2);
  Monitor whole(model, options), before(model, options), after(model, options);
  const auto expected = heldout(whole, model);
  pass(before, model, 1, 0);
  std::stringstream state;
  before.save(state);
  after.load(state);
  pass(after, model, 1, 1);
  infoplane::test::require_same_values(*after.end_heldout(1), expected);
  std::stringstream other;
  before.save(other);
  Monitor single(model);
  REQUIRE_THROWS_MATCHES(single.load(other), infoplane::ArgumentError, MessageMatches(ContainsSubstring("draws 2")));
}

TEST_CASE("draws that cannot be are refused", "[monitor][draws]") {
  auto model = make_model();
  REQUIRE_THROWS_MATCHES(Monitor(model, MonitorOptions().draws(0)), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("draws must be at least 1, got 0")));
  const auto raw = infoplane::estimator::SoftEntropyOptions().raw_seed(true);
  REQUIRE_THROWS_MATCHES(Monitor(model, MonitorOptions().draws(2).estimator(raw)), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("raw_seed")));
}
