#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cmath>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <limits>
#include <string>
#include <vector>

#include "callbacks/points.hpp"

using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::callbacks::DeltaMode;
using infoplane::callbacks::Mode;
using infoplane::callbacks::StopReason;
using infoplane::test::kInf;
using infoplane::test::kNaN;

namespace {

struct Case {
  const char* name;
  EarlyStoppingOptions options;
  std::vector<double> values;  // of "loss", fed at steps 0, 10, 20, …
  std::int64_t stops_at;       // −1: never
  StopReason reason;
  std::int64_t best_step;
  const char* message;
};

EarlyStoppingOptions loss() { return EarlyStoppingOptions().monitor("loss").patience(3).min_delta(0); }

const std::vector<Case> kCases = {
    {"threshold of a minimum",
     loss().stopping_threshold(1),
     {3, 2, 1, 0.5},
     20,
     StopReason::kThreshold,
     20,
     "loss reached 1 at step 20, which its stopping threshold of 1 asks for"},
    {"threshold of a maximum",
     loss().mode(Mode::kMax).stopping_threshold(0.75),
     {0.5, 0.7, 0.8},
     20,
     StopReason::kThreshold,
     20,
     "loss reached 0.8 at step 20, which its stopping threshold of 0.75 asks for"},
    {"divergence",
     loss().divergence_threshold(5),
     {3, 4, 5, 6},
     30,
     StopReason::kDivergence,
     0,
     "loss is 6 at step 30, beyond its divergence threshold of 5"},
    {"divergence of a maximum",
     loss().mode(Mode::kMax).divergence_threshold(0.1),
     {0.5, 0.05},
     10,
     StopReason::kDivergence,
     0,
     "loss is 0.05 at step 10, beyond its divergence threshold of 0.1"},
    {"an infinity beyond the divergence threshold is undefined all the same",
     loss().divergence_threshold(5).check_finite(false),
     {3, kInf, 2},
     -1,
     StopReason::kNone,
     20,
     "loss improved to 2 at step 20; 1 of 3 checks was not defined"},
    {"worse than the best by a tenth",
     loss().min_delta_mode(DeltaMode::kRelative).worsening(0.1),
     {3, 2, 2.2, 2.21, 9},
     30,
     StopReason::kWorsening,
     10,
     "loss is 2.21 at step 30, worse by more than 10 % than its best 2 of step 10"},
    {"worse by an amount, of a maximum",
     loss().mode(Mode::kMax).worsening(0.25),
     {1, 0.75, 0.7},
     20,
     StopReason::kWorsening,
     0,
     "loss is 0.7 at step 20, worse by more than 0.25 than its best 1 of step 0"},
    {"worsening without patience never ends a plateau",
     loss().patience(infoplane::callbacks::kEndless).worsening(1),
     {1, 1, 1, 1, 1, 1, 1, 1},
     -1,
     StopReason::kNone,
     0,
     "no improvement of loss by more than 0 in 7 checks since step 0 (best 1)"},
    {"relative improvement",
     loss().min_delta(0.1).min_delta_mode(DeltaMode::kRelative),
     {10, 9.1, 9.05, 9.01},
     30,
     StopReason::kPatience,
     0,
     "no improvement of loss by more than 10 % in 3 checks since step 0 (best 10)"},
    {"relative to a negative best",
     loss().min_delta(0.1).min_delta_mode(DeltaMode::kRelative),
     {-10, -10.5, -11.5},
     -1,
     StopReason::kNone,
     20,
     "loss improved to -11.5 at step 20"},
    {"NaN with check_finite",
     loss().check_finite(true),
     {3, kNaN},
     10,
     StopReason::kNotFinite,
     0,
     "loss is nan at step 10"},
    {"NaN without it",
     loss().check_finite(false),
     {3, kNaN, kNaN, kNaN, kNaN, 2},
     -1,
     StopReason::kNone,
     50,
     "loss improved to 2 at step 50; 4 of 6 checks were not defined"},
    {"baseline that is never met",
     loss().baseline(1),
     {3, 2, 1},
     20,
     StopReason::kPatience,
     -1,
     "loss is not better than its baseline of 1 by more than 0 in 3 checks"},
    {"baseline that is met in time",
     loss().baseline(1),
     {3, 2, 0.5, 0.6},
     -1,
     StopReason::kNone,
     20,
     "no improvement of loss by more than 0 in 1 check since step 20 (best 0.5)"},
    // Means over two checks: 2.5, 2, 2, 2, 2.
    {"smoothing sees through an alternation",
     loss().smoothing(2),
     {3, 2, 2, 2, 2, 2},
     50,
     StopReason::kPatience,
     20,
     "no improvement of loss by more than 0 in 3 checks since step 20 (best 2)"},
    {"smoothing passes over NaN",
     loss().smoothing(2).check_finite(false),
     {3, kNaN, 1},
     -1,
     StopReason::kNone,
     20,
     "loss improved to 2 at step 20; 1 of 3 checks was not defined"},
    // Slopes of four checks: 2 ± 0, 1.37 ± 0.36, 0.62 ± 0.33, 0.02 ± 0.04.
    {"a trend within its own noise",
     loss().patience(infoplane::callbacks::kEndless).trend(4),
     {10, 8, 6, 4, 4.1, 3.9, 4.0},
     60,
     StopReason::kTrend,
     50,
     "the last 4 checks of loss show no trend for the better at step 60: 0.02 ± 0.042 a check"},
    {"a trend of a maximum that must stand out by two errors",
     loss().mode(Mode::kMax).patience(infoplane::callbacks::kEndless).trend(4).trend_errors(2),
     {-10, -8, -6, -4, -4.1, -3.9},
     50,
     StopReason::kTrend,
     50,
     "the last 4 checks of loss show no trend for the better at step 50: 0.62 ± 0.33 a check"},
    {"a trend for the worse",
     loss().patience(infoplane::callbacks::kEndless).trend(3),
     {1, 2, 3},
     20,
     StopReason::kTrend,
     0,
     "the last 3 checks of loss show no trend for the better at step 20: -1 ± 0 a check"},
    {"a constant has no trend, NaN is no check of it",
     loss().patience(infoplane::callbacks::kEndless).trend(3).check_finite(false),
     {2, kNaN, 2, 2},
     30,
     StopReason::kTrend,
     0,
     "the last 3 checks of loss show no trend for the better at step 30: 0 ± 0 a check; 1 of 4 checks was not defined"},
    {"a mean that is not complete yet",
     loss().smoothing(3).check_finite(false),
     {kNaN, 3},
     -1,
     StopReason::kNone,
     -1,
     "1 check of loss so far, fewer than the 3 that its mean is taken over; 1 of 2 checks was not defined"},
    {"patience comes before the trend",
     loss().patience(2).trend(3),
     {1, 2, 3},
     20,
     StopReason::kPatience,
     0,
     "no improvement of loss by more than 0 in 2 checks since step 0 (best 1)"},
};

}  // namespace

TEST_CASE("each reason, when and in which words", "[callbacks]") {
  for (const auto& each : kCases) {
    CAPTURE(each.name);
    EarlyStopping stopping(each.options);
    std::int64_t step = 0;
    for (const auto value : each.values) {
      const bool expected = each.stops_at >= 0 && step >= each.stops_at;
      CAPTURE(step, value);
      REQUIRE(stopping.update(step, {{"loss", value}}) == expected);
      step += 10;
    }
    REQUIRE(stopping.reason() == each.reason);
    REQUIRE(stopping.stopped_step() == each.stops_at);
    REQUIRE(stopping.best_step() == each.best_step);
    REQUIRE(stopping.message() == each.message);
  }
}

TEST_CASE("reasons have names and exit codes", "[callbacks]") {
  REQUIRE(to_string(StopReason::kNotFinite) == std::string("not finite"));
  REQUIRE(to_string(StopReason::kWorsening) == std::string("worsening"));
  REQUIRE(to_string(StopReason::kThreshold) == std::string("threshold"));
  REQUIRE(to_string(StopReason::kDivergence) == std::string("divergence"));
  REQUIRE(exit_code(StopReason::kNone) == 0);
  REQUIRE(exit_code(StopReason::kPatience) == 10);
  REQUIRE(exit_code(StopReason::kThreshold) == 11);
  REQUIRE(exit_code(StopReason::kWorsening) == 12);
  REQUIRE(to_string(StopReason::kTrend) == std::string("trend"));
  REQUIRE(exit_code(StopReason::kTrend) == 13);
  REQUIRE(to_string(StopReason::kSettled) == std::string("settled"));
  REQUIRE(exit_code(StopReason::kSettled) == 14);
  REQUIRE(exit_code(StopReason::kDivergence) == 20);
  REQUIRE(exit_code(StopReason::kNotFinite) == 21);
}

TEST_CASE("in standard errors a change counts when it is more than both errors together", "[callbacks]") {
  const auto options = EarlyStoppingOptions()
                           .monitor("distance/unigram/corrected")
                           .min_delta(2)
                           .min_delta_mode(DeltaMode::kStandardErrors)
                           .patience(2);
  const auto point = [](std::int64_t step, double value, double error) {
    return infoplane::test::point(step,
                                  {{"distance/unigram/corrected", value}, {"distance/unigram/standard_error", error}});
  };
  EarlyStopping stopping(options);
  stopping.update(point(0, 0.5, 0.03));
  REQUIRE(stopping.improved());
  stopping.update(point(10, 0.41, 0.04));  // 0.09 < 2 · 0.05
  REQUIRE_FALSE(stopping.improved());
  stopping.update(point(20, 0.39, 0.04));  // 0.11
  REQUIRE(stopping.best_step() == 20);
  stopping.update(point(30, 0.1, kNaN));  // an error that isn't known decides nothing
  REQUIRE(stopping.best_step() == 20);
  REQUIRE(stopping.undefined() == 1);
  REQUIRE_FALSE(stopping.update(point(40, 0.38, 0.04)));
  REQUIRE(stopping.update(point(50, 0.38, 0.04)));
  REQUIRE(stopping.message() ==
          "no improvement of distance/unigram/corrected by more than 2 standard errors in 2 checks since step 20 "
          "(best 0.39); 1 of 6 checks was not defined");
  EarlyStopping without(options);
  REQUIRE_THROWS_MATCHES(
      without.update(infoplane::test::point(0, {{"distance/unigram/corrected", 0.5}})), ArgumentError,
      Message("EarlyStopping monitors \"distance/unigram/standard_error\", which the point of step 0 "
              "does not have; it has: distance/unigram/corrected"));
}

TEST_CASE("the point's loss, one layer, and what the user feeds", "[callbacks]") {
  auto point = infoplane::test::point(0, {{"H(Z)", 0.9}});
  point.loss = 2.5;
  point.layers.push_back({"blocks.1", 10, 0, {{"H(Z)", 0.7}}});
  EarlyStopping loss(EarlyStoppingOptions().monitor("loss"));
  loss.update(point);
  REQUIRE(loss.best_value() == 2.5);
  EarlyStopping layer(EarlyStoppingOptions().monitor("H(Z)").layer("blocks.1"));
  layer.update(point);
  REQUIRE(layer.best_value() == 0.7);
  REQUIRE(layer.message() == "blocks.1 H(Z) improved to 0.7 at step 0");
  EarlyStopping fed(EarlyStoppingOptions().monitor("H(Z)"));
  fed.update(point, {{"H(Z)", 0.1}});
  REQUIRE(fed.best_value() == 0.1);

  EarlyStopping absent(EarlyStoppingOptions().monitor("H(Z)").layer("blocks.7"));
  REQUIRE_THROWS_MATCHES(
      absent.update(point), ArgumentError,
      Message("EarlyStopping monitors \"H(Z)\" of blocks.7, which the point of step 0 does not have; "
              "it has: none, because the point has no such layer"));
  EarlyStopping nothing(EarlyStoppingOptions().monitor("validation_loss"));
  REQUIRE_THROWS_MATCHES(nothing.update(5, {}), ArgumentError,
                         Message("EarlyStopping monitors \"validation_loss\", which the point of step 5 does not have; "
                                 "it has: none, because nothing was fed"));
  EarlyStopping lenient(EarlyStoppingOptions().monitor("validation_loss").strict(false));
  REQUIRE_FALSE(lenient.update(point));
  REQUIRE(lenient.undefined() == 1);
}

TEST_CASE("further options that cannot work are refused", "[callbacks]") {
  const auto make = [](const EarlyStoppingOptions& options) { EarlyStopping made(options); };
  REQUIRE_THROWS_MATCHES(make(EarlyStoppingOptions().worsening(-1)), ArgumentError,
                         Message("EarlyStopping needs a finite worsening of at least 0, got -1: it is a distance, "
                                 "whatever the mode"));
  REQUIRE_THROWS_MATCHES(make(EarlyStoppingOptions().worsening(1).worsening_errors(-1)), ArgumentError,
                         Message("EarlyStopping needs finite worsening_errors of at least 0, got -1"));
  REQUIRE_THROWS_MATCHES(
      make(EarlyStoppingOptions().monitor("loss").worsening_errors(3)), ArgumentError,
      Message("EarlyStopping got worsening_errors of 3 for loss but no worsening: say by how much at "
              "least, worsening(0) for any"));
  REQUIRE_THROWS_MATCHES(make(EarlyStoppingOptions().smoothing(0)), ArgumentError,
                         Message("EarlyStopping needs a smoothing of at least 1 check, got 0"));
  REQUIRE_THROWS_MATCHES(make(EarlyStoppingOptions().trend(2)), ArgumentError,
                         Message("EarlyStopping needs at least 3 checks for a trend (or 0 for none), got 2"));
  REQUIRE_THROWS_MATCHES(make(EarlyStoppingOptions().trend_errors(kInf)), ArgumentError,
                         Message("EarlyStopping needs finite trend_errors, got inf"));
  REQUIRE_THROWS_MATCHES(
      make(EarlyStoppingOptions().baseline(kNaN)), ArgumentError,
      Message("EarlyStopping got NaN as baseline of share/input_unigram/corrected: leave it out instead"));
  REQUIRE_THROWS_MATCHES(make(EarlyStoppingOptions().settled(-1)), ArgumentError,
                         Message("EarlyStopping needs a finite settled of at least 0, got -1: it is what going on must "
                                 "still be worth"));
  REQUIRE_THROWS_AS(make(EarlyStoppingOptions().settled(kNaN)), ArgumentError);
  REQUIRE_THROWS_MATCHES(make(EarlyStoppingOptions().settled(1).min_delta_mode(DeltaMode::kStandardErrors)),
                         ArgumentError,
                         Message("EarlyStopping takes settled in the metric's own unit or relative to it, not in "
                                 "standard errors"));
  REQUIRE_THROWS_AS(make(EarlyStoppingOptions().also({infoplane::callbacks::Criterion().patience(0)})), ArgumentError);
}
