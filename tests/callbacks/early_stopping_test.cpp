#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <infoplane/callbacks/early_stopping.hpp>
#include <limits>
#include <string>
#include <vector>

using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::callbacks::Mode;
using infoplane::callbacks::StopReason;
using infoplane::plane::Point;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();
const double kInf = std::numeric_limits<double>::infinity();
constexpr std::int64_t kNever = -1;

Point point(std::int64_t step, double value, std::string split = "train") {
  Point made;
  made.step = step;
  made.split = std::move(split);
  made.mean = {{"distance/unigram", value}, {"optimality/unigram", 1 - value}};
  return made;
}

struct Case {
  const char* name;
  EarlyStoppingOptions options;
  std::vector<double> values;  // at steps 0, 10, 20, …
  std::int64_t stops_at;
  std::int64_t best_step;
  double best_value;
  std::int64_t waited;
};

EarlyStoppingOptions with(std::int64_t patience, double min_delta) {
  return EarlyStoppingOptions().monitor("distance/unigram").patience(patience).min_delta(min_delta);
}

const std::vector<Case> kCases = {
    {"no point", with(3, 0), {}, kNever, -1, kNaN, 0},
    {"falls for ever", with(2, 0.01), {0.9, 0.8, 0.7, 0.6, 0.5, 0.4}, kNever, 50, 0.4, 0},
    {"plateau from the start", with(3, 0.01), {0.5, 0.5, 0.5, 0.5, 0.5}, 30, 0, 0.5, 3},
    {"patience 1 stops at the first check that isn't better", with(1, 0), {0.5, 0.4, 0.4}, 20, 10, 0.4, 1},
    {"a plateau of patience − 1 checks goes on", with(3, 0), {0.5, 0.6, 0.6, 0.4, 0.5, 0.5, 0.5}, 60, 30, 0.4, 3},
    {"an improvement of exactly min_delta is none", with(2, 0.125), {0.75, 0.625, 0.625}, 20, 0, 0.75, 2},
    {"the last bit of a decimal does not make it one", with(2, 0.1), {0.8, 0.7, 0.7}, 20, 0, 0.8, 2},
    {"slightly more than min_delta is one", with(2, 0.125), {0.75, 0.6249, 0.6}, kNever, 10, 0.6249, 1},
    {"small steps add up", with(4, 0.1), {0.80, 0.76, 0.72, 0.68, 0.64}, kNever, 30, 0.68, 1},
    {"small steps that never add up in time", with(2, 0.1), {0.80, 0.78, 0.76, 0.50}, 20, 0, 0.80, 2},
    {"min_delta 0 takes any improvement",
     with(2, 0),
     {0.5, 0.5 - 1e-9, 0.5 - 2e-9, 0.5 - 3e-9},
     kNever,
     30,
     0.5 - 3e-9,
     0},
    {"rounding noise is no improvement",
     with(2, 0),
     {0.5, std::nextafter(0.5, 0), std::nextafter(0.5, 0)},
     20,
     0,
     0.5,
     2},
    {"NaN in the middle costs no patience", with(2, 0), {0.5, 0.6, kNaN, kNaN, kNaN, 0.6}, 50, 0, 0.5, 2},
    {"NaN in the middle does not reset it", with(2, 0), {0.5, 0.6, kNaN, 0.4, kNaN}, kNever, 30, 0.4, 0},
    {"first value NaN", with(2, 0), {kNaN, kNaN, 0.5, 0.6, 0.6}, 40, 20, 0.5, 2},
    {"only NaN never stops", with(1, 0), {kNaN, kNaN, kNaN}, kNever, -1, kNaN, 0},
    {"infinities are undefined too", with(2, 0), {kInf, 0.5, -kInf, kInf, 0.4}, kNever, 40, 0.4, 0},
    {"negative distances are values like others", with(1, 0.01), {0.1, -0.1, -0.3, -0.2}, 30, 20, -0.3, 1},
    {"checks begin at the start step", with(2, 0).start_from_step(20), {0.1, 0.2, 0.5, 0.6, 0.6}, 40, 20, 0.5, 2},
    {"a start step between two points", with(1, 0).start_from_step(15), {0.1, 0.2, 0.5, 0.4, 0.5}, 40, 30, 0.4, 1},
    {"mode max", with(2, 0).monitor("optimality/unigram").mode(Mode::kMax), {0.5, 0.25, 0.75, 0.5}, 30, 10, 0.75, 2},
    {"mode max, exactly min_delta",
     with(1, 0.25).monitor("optimality/unigram").mode(Mode::kMax),
     {0.5, 0.25},
     10,
     0,
     0.5,
     1},
    {"what follows the verdict changes nothing", with(1, 0), {0.5, 0.6, 0.1, kNaN, 0.9}, 10, 0, 0.5, 1},
};

}  // namespace

TEST_CASE("values of a run against the step at which it stops", "[callbacks]") {
  for (const auto& each : kCases) {
    CAPTURE(each.name);
    EarlyStopping stopping(each.options);
    std::int64_t step = 0;
    for (const auto value : each.values) {
      CAPTURE(step, value);
      const bool expected = each.stops_at != kNever && step >= each.stops_at;
      REQUIRE(stopping.update(point(step, value)) == expected);
      REQUIRE(stopping.stopped() == expected);
      REQUIRE(stopping.reason() == (expected ? StopReason::kPatience : StopReason::kNone));
      step += 10;
    }
    REQUIRE(stopping.stopped_step() == each.stops_at);
    REQUIRE(stopping.best_step() == each.best_step);
    REQUIRE(
        (std::isnan(each.best_value) ? std::isnan(stopping.best_value()) : stopping.best_value() == each.best_value));
    REQUIRE(stopping.waited() == each.waited);
  }
}

TEST_CASE("a copy carries the state and goes its own way", "[callbacks]") {
  EarlyStopping one(with(2, 0));
  one.update(point(0, 0.5));
  one.update(point(10, 0.6));
  auto two = one;
  REQUIRE(one.update(point(20, 0.6)));
  REQUIRE_FALSE(two.update(point(20, 0.4)));
  REQUIRE(two.best_step() == 20);
  REQUIRE(one.best_step() == 0);
}

TEST_CASE("with a stream named, points of others pass by", "[callbacks]") {
  EarlyStopping stopping(with(1, 0).split("heldout"));
  REQUIRE_FALSE(stopping.update(point(0, 0.5, "train")));
  REQUIRE(stopping.best_step() == -1);
  REQUIRE_FALSE(stopping.update(point(0, 0.5, "heldout")));
  REQUIRE_FALSE(stopping.update(point(10, 0.9, "train")));
  REQUIRE_FALSE(stopping.update(point(10, 0.4, "heldout")));
  REQUIRE(stopping.update(point(20, 0.5, "heldout")));
  REQUIRE(stopping.update(point(20, 0.1, "train")));
}

TEST_CASE("the message says where it stands", "[callbacks]") {
  EarlyStopping stopping(with(2, 1e-3));
  REQUIRE(stopping.message() == "no check of distance/unigram yet");
  stopping.update(point(700, kNaN));
  REQUIRE(stopping.message() == "no finite value of distance/unigram in 1 check");
  REQUIRE(stopping.undefined() == 1);
  stopping.update(point(800, 0.41));
  REQUIRE(stopping.message() == "distance/unigram improved to 0.41 at step 800; 1 of 2 checks was not defined");
  stopping.update(point(850, 0.4099));
  REQUIRE(stopping.message() ==
          "no improvement of distance/unigram by more than 0.001 in 1 check since step 800 (best 0.41); 1 of 3 checks "
          "was not defined");
  stopping.update(point(900, 0.5));
  REQUIRE(stopping.message() ==
          "no improvement of distance/unigram by more than 0.001 in 2 checks since step 800 (best 0.41); 1 of 4 checks "
          "was not defined");
  REQUIRE(to_string(stopping.reason()) == std::string("patience"));
  REQUIRE(to_string(StopReason::kNone) == std::string("none"));
}
