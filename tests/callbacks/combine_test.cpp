#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
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

TEST_CASE("the message of metrics that must all agree tells of each", "[callbacks]") {
  EarlyStopping stopping(EarlyStoppingOptions()
                             .monitor("a")
                             .patience(1)
                             .min_delta(0)
                             .also({Criterion().monitor("b").stopping_threshold(2)})
                             .combine(Combine::kAll));
  REQUIRE_FALSE(stopping.update(0, {{"a", 1}, {"b", 3}}));
  REQUIRE(stopping.update(1, {{"a", 1}, {"b", 1}}));
  REQUIRE(stopping.message() ==
          "no improvement of a by more than 0 in 1 check since step 0 (best 1); b reached 1 at step 1, which its "
          "stopping threshold of 2 asks for");
}

namespace {

infoplane::plane::Point heldout(std::int64_t step, double share, double loss) {
  auto point = infoplane::test::point(step, {{"share/output_unigram/corrected", share}});
  point.loss = loss;
  return point;
}

/// Up and down, without a trend.
double jitter(std::int64_t step) { return step / 50 % 2 == 0 ? 1e-3 : -1e-3; }

/// Feeds points from step 200 on until the rule ends the run or a hundred have been.
template <typename Share, typename Loss>
EarlyStopping run_shipped(const Share& share, const Loss& loss) {
  EarlyStopping stopping(EarlyStopping::compression());
  for (std::int64_t step = 200; step < 5200 && !stopping.stopped(); step += 50) {
    stopping.update(heldout(step, share(step), loss(step)));
  }
  return stopping;
}

auto falls_until(std::int64_t last) {
  return [last](std::int64_t step) { return 3 - 0.001 * static_cast<double>(std::min(step, last)) + jitter(step); };
}

}  // namespace

TEST_CASE("the shipped rule ends a run when the share has no trend left and the loss does not improve", "[callbacks]") {
  const auto share_first = run_shipped(falls_until(600), falls_until(1000));
  REQUIRE(share_first.reason() == StopReason::kPatience);
  // The mean of 5 has improved by 0.5 % for the last time when four of them lay at the end of the fall.
  REQUIRE(share_first.best_step() == 1150);
  REQUIRE(share_first.stopped_step() == 1150 + 8 * 50);
  REQUIRE_THAT(share_first.message(),
               Catch::Matchers::StartsWith("no improvement of loss by more than 0.5 % in 8 checks since step 1150"));
  REQUIRE_THAT(share_first.message(),
               Catch::Matchers::ContainsSubstring(
                   "; the last 12 checks of share/output_unigram/corrected show no trend, up or down"));
  REQUIRE(share_first.message().find("show no trend") == share_first.message().rfind("show no trend"));
  const auto loss_first = run_shipped(falls_until(1000), falls_until(600));
  REQUIRE(loss_first.stopped_step() > 1000);
  REQUIRE(loss_first.stopped_step() <= 1000 + 12 * 50);
  REQUIRE(loss_first.best_step() <= 750);
}

TEST_CASE("the shipped rule does not end a run while the share moves or the loss falls", "[callbacks]") {
  const auto rises = [](std::int64_t step) { return 0.001 * static_cast<double>(step) + jitter(step); };
  REQUIRE_FALSE(run_shipped(falls_until(600), falls_until(9999)).stopped());
  REQUIRE_FALSE(run_shipped(falls_until(9999), falls_until(600)).stopped());
  REQUIRE_FALSE(run_shipped(rises, falls_until(600)).stopped());
}

TEST_CASE("the shipped rule looks at held-out points alone, and at none without a value", "[callbacks]") {
  EarlyStopping stopping(EarlyStopping::compression());
  REQUIRE_FALSE(stopping.update(infoplane::test::point(0, {}, "train")));
  REQUIRE_FALSE(run_shipped(jitter, [](std::int64_t) { return kNaN; }).stopped());
  REQUIRE_FALSE(run_shipped([](std::int64_t) { return kNaN; }, jitter).stopped());
  REQUIRE(run_shipped(jitter, [](std::int64_t) { return 2.0; }).stopped_step() == 200 + 12 * 50);  // then it can tell
}
