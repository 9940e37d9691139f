#include <catch2/catch_test_macros.hpp>
#include <infoplane/callbacks/early_stopping.hpp>
#include <utility>
#include <vector>

#include "callbacks/points.hpp"

using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::callbacks::Combine;
using infoplane::callbacks::Criterion;
using infoplane::callbacks::StopReason;
using infoplane::test::kNaN;

namespace {

EarlyStoppingOptions two(Combine combine) {
  return EarlyStoppingOptions().monitor("a").patience(2).min_delta(0).combine(combine).also(
      {Criterion().monitor("b").patience(2).min_delta(0).divergence_threshold(100)});
}

struct Case {
  const char* name;
  std::vector<std::pair<double, double>> values;  // of a and b at steps 0, 1, 2, …
  std::int64_t first, all, any;                   // where each stops; −1: never
};

const std::vector<Case> kCases = {
    {"a stands still", {{1, 9}, {1, 8}, {1, 7}, {1, 6}}, 2, -1, 2},
    {"b stands still", {{9, 1}, {8, 1}, {7, 1}, {6, 1}}, -1, -1, 2},
    {"b after a", {{1, 9}, {1, 8}, {1, 8}, {1, 8}}, 2, 3, 2},
    {"a moves again before b stands still", {{1, 9}, {1, 8}, {0, 8}, {0, 8}, {0, 8}}, 4, 4, 3},
    {"a waits longer than its patience and then moves", {{2, 9}, {2, 8}, {2, 7}, {1, 6}, {1, 6}, {1, 6}}, 2, 5, 2},
    {"b diverges", {{9, 1}, {8, 101}}, -1, 1, 1},
    {"NaN leaves a request as it was", {{1, 9}, {1, 8}, {1, 8}, {kNaN, 8}}, 2, 3, 2},
};

}  // namespace

TEST_CASE("first, all or any of several metrics", "[callbacks]") {
  for (const auto& each : kCases) {
    for (const auto& [combine, expected] : {std::pair(Combine::kFirst, each.first), std::pair(Combine::kAll, each.all),
                                            std::pair(Combine::kAny, each.any)}) {
      CAPTURE(each.name, static_cast<int>(combine));
      EarlyStopping stopping(two(combine));
      std::int64_t step = 0;
      for (const auto& [a, b] : each.values) {
        stopping.update(step++, {{"a", a}, {"b", b}});
      }
      REQUIRE(stopping.stopped_step() == expected);
    }
  }
}

TEST_CASE("the message is about the metric that decided, the best step about the first", "[callbacks]") {
  EarlyStopping stopping(two(Combine::kAny));
  stopping.update(0, {{"a", 9}, {"b", 1}});
  stopping.update(1, {{"a", 8}, {"b", 1}});
  REQUIRE(stopping.message() == "a improved to 8 at step 1");
  REQUIRE(stopping.update(2, {{"a", 7}, {"b", 1}}));
  REQUIRE(stopping.message() == "no improvement of b by more than 0 in 2 checks since step 0 (best 1)");
  REQUIRE(stopping.best_step() == 2);
  REQUIRE(stopping.states()[1].best_step == 0);
  REQUIRE(stopping.states()[0].reason == StopReason::kNone);
}

namespace {

infoplane::plane::Point heldout(std::int64_t step, double distance, double expressivity) {
  return infoplane::test::point(
      step, {{"distance/unigram/corrected", distance}, {"I(Y;Z)/output_unigram/corrected", expressivity}});
}

}  // namespace

TEST_CASE("the shipped rule ends a run whose distance has come to rest", "[callbacks]") {
  EarlyStopping stopping(EarlyStopping::compression());
  REQUIRE_FALSE(stopping.update(infoplane::test::point(0, {}, "train")));
  for (std::int64_t step = 0; step < 600; step += 50) {  // nothing is known of the first points
    REQUIRE_FALSE(stopping.update(heldout(step, step < 300 ? kNaN : 0.9 - 0.001 * static_cast<double>(step), 0.1)));
  }
  for (std::int64_t step = 600; step < 800; step += 50) {
    REQUIRE_FALSE(stopping.update(heldout(step, 0.35, 0.1)));
  }
  REQUIRE(stopping.update(heldout(800, 0.349, 0.1)));
  REQUIRE(stopping.reason() == StopReason::kPatience);
  REQUIRE(stopping.best_step() == 550);
}

TEST_CASE("the shipped rule ends a run that forgets what comes next, however the distance falls", "[callbacks]") {
  EarlyStopping stopping(EarlyStopping::compression());
  std::int64_t step = 200;
  double distance = 0.7;
  for (const double expressivity : {0.10, 0.12, 0.125, 0.12, 0.11, 0.105}) {
    REQUIRE_FALSE(stopping.update(heldout(step, distance, expressivity)));
    step += 50;
    distance -= 0.02;
  }
  REQUIRE(stopping.update(heldout(step, distance, 0.1)));
  REQUIRE(stopping.reason() == StopReason::kWorsening);
  // Means of three: 0.1217 at best, then 0.1183, 0.1117, 0.105.
  REQUIRE(stopping.message() ==
          "I(Y;Z)/output_unigram/corrected is 0.105 at step 500, worse by more than 10 % than its best 0.1217 of step "
          "350");
}
