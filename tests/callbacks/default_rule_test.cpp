#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <functional>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>

#include "callbacks/noise.hpp"
#include "callbacks/points.hpp"
#include "callbacks/unsealed.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::callbacks::Combine;
using infoplane::callbacks::Criterion;
using infoplane::callbacks::DeltaMode;
using infoplane::callbacks::Mode;
using infoplane::callbacks::StopReason;
using infoplane::plane::Metrics;
using infoplane::test::kNaN;
using infoplane::test::Noise;

namespace {

using Curve = std::function<double(double)>;  // of a step

struct Run {
  Curve loss;
  double loss_noise = 0;
  Curve distance = [](double) { return 0.7; };
  double distance_noise = 0.01;
  Curve fed = {};
  double fed_noise = 0;
  bool with_loss = true;
  std::int64_t checks = 400;
};

/// A point every 50 steps, as in the README.
EarlyStopping play(const Run& run, std::uint64_t seed, const EarlyStoppingOptions& options = {}) {
  EarlyStopping stopping(options);
  Noise noise(seed);
  for (std::int64_t step = 0; step < 50 * run.checks && !stopping.stopped(); step += 50) {
    const auto at = static_cast<double>(step);
    const double distance = run.distance(at) + run.distance_noise * noise();
    auto point = infoplane::test::point(step, {{"share/input_unigram", 0.4},
                                               {"share/input_unigram/corrected", distance},
                                               {"share/input_unigram/standard_error", run.distance_noise}});
    point.split = "train";
    point.loss = run.with_loss ? run.loss(at) + run.loss_noise * noise() : kNaN;
    const auto fed = run.fed ? Metrics{{"validation_loss", run.fed(at) + run.fed_noise * noise()}} : Metrics();
    stopping.update(point, fed);
    REQUIRE(stopping.best_step() != 0);
  }
  return stopping;
}

/// As language models learn: 5.5 at first, and for ever a little less.
double learns(double step) { return 1.8 + 3.7 / std::sqrt(1 + step / 60); }

Curve flat_from(double step, const Curve& before = learns) {
  return [step, before](double at) { return before(std::min(at, step)); };
}

}  // namespace

TEST_CASE("the default monitor is corrected", "[callbacks]") {
  REQUIRE(EarlyStoppingOptions().monitor() == "share/input_unigram/corrected");
  REQUIRE(Criterion().monitor() == "share/input_unigram/corrected");
  REQUIRE_FALSE(EarlyStoppingOptions().names_monitor());
  REQUIRE(EarlyStoppingOptions().monitor("share/input_unigram/corrected").names_monitor());
  const auto criteria = EarlyStoppingOptions().patience(7).criteria();
  REQUIRE(criteria.size() == 3);
  REQUIRE(criteria[0].monitor() == "share/input_unigram/corrected");
  REQUIRE(criteria[1].monitor() == "loss");
  REQUIRE(criteria[1].patience() == 7);
  REQUIRE(criteria[2].monitor() == "loss");
  REQUIRE(criteria[2].worsening().has_value());
}

TEST_CASE("a rule of one metric is spelled by its options or by its criterion", "[callbacks]") {
  const auto spelled = EarlyStoppingOptions()
                           .monitor("loss")
                           .layer("blocks.1")
                           .mode(Mode::kMax)
                           .patience(7)
                           .min_delta(0.5)
                           .min_delta_mode(DeltaMode::kRelative)
                           .stopping_threshold(1)
                           .divergence_threshold(2)
                           .worsening(3)
                           .worsening_errors(2)
                           .baseline(4)
                           .smoothing(5)
                           .trend(6)
                           .trend_errors(8)
                           .settled(9);
  const auto whole = EarlyStoppingOptions().criterion(spelled.criterion());
  REQUIRE(whole.names_monitor());
  REQUIRE(whole.criteria().size() == 1);
  const auto criterion = whole.criteria()[0];
  REQUIRE(criterion.monitor() == "loss");
  REQUIRE(criterion.layer() == "blocks.1");
  REQUIRE(criterion.mode() == Mode::kMax);
  REQUIRE(criterion.patience() == 7);
  REQUIRE(criterion.min_delta() == 0.5);
  REQUIRE(criterion.min_delta_mode() == DeltaMode::kRelative);
  REQUIRE(criterion.stopping_threshold() == 1);
  REQUIRE(criterion.divergence_threshold() == 2);
  REQUIRE(criterion.worsening() == 3);
  REQUIRE(criterion.worsening_errors() == 2);
  REQUIRE(criterion.baseline() == 4);
  REQUIRE(criterion.smoothing() == 5);
  REQUIRE(criterion.trend() == 6);
  REQUIRE(criterion.trend_errors() == 8);
  REQUIRE(criterion.settled() == 9);
  REQUIRE_FALSE(criterion.check_finite().has_value());
  REQUIRE(whole.trend() == 6);
}

TEST_CASE("a run that still learns is not ended, however noisy its loss and flat its distance", "[callbacks]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (const double noise : {0.02, 0.05, 0.2}) {
      CAPTURE(seed, noise);
      Run run{learns, noise};
      for (const auto& options : {EarlyStoppingOptions(), EarlyStoppingOptions().patience(5).min_delta(1e-3)}) {
        const auto stopping = play(run, seed, options);
        REQUIRE_FALSE(stopping.stopped());
        REQUIRE(stopping.best_step() > 1000);
      }
      run.distance_noise = 0.05;
      REQUIRE_FALSE(play(run, seed).stopped());
    }
  }
}

TEST_CASE("a run whose loss has come to rest is ended, and why is said", "[callbacks]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const auto stopping = play({flat_from(2000), 0.004}, seed);
    REQUIRE(stopping.reason() == StopReason::kSettled);
    REQUIRE(stopping.stopped_step() > 3000);
    REQUIRE(stopping.stopped_step() < 12000);
    REQUIRE(stopping.best_step() > 1000);
    REQUIRE(exit_code(stopping.reason()) == 14);
    REQUIRE_THAT(stopping.message(), StartsWith("loss has settled at step "));
    REQUIRE_THAT(stopping.message(), ContainsSubstring("less than 0.2 %; "));
    REQUIRE_THAT(stopping.message(), ContainsSubstring(" more of share/input_unigram/corrected would gain "));
  }
}

TEST_CASE("noise that hides what is left to gain keeps a run going", "[callbacks]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto stopping = play({flat_from(2000), 0.2}, seed);
    CAPTURE(seed, stopping.message());
    REQUIRE_FALSE(stopping.stopped());
    REQUIRE_THAT(stopping.message(), ContainsSubstring(" more of loss would gain "));
  }
}

TEST_CASE("an untrained step is compared with, never called best", "[callbacks]") {
  // The lowest distance of all is at step 0; play() asserts that it is never the best.
  const Curve jumps = [](double step) { return step == 0 ? 0.2 : 0.73 + 0.2 * std::exp(-step / 1000); };
  const auto with_loss = play({learns, 0.1, jumps, 0.04}, 1);
  REQUIRE(with_loss.best_step() > 1000);
  // Of a distance alone nothing is best then: no check was better than the first.
  Run alone{learns, 0.1, jumps, 0.04};
  alone.with_loss = false;
  alone.checks = 60;
  const auto stopping = play(alone, 1);
  REQUIRE(stopping.best_step() == -1);
  REQUIRE_THAT(stopping.message(), StartsWith("share/input_unigram/corrected is not better than the ") &&
                                       ContainsSubstring(" that it began with by more than its noise in 59 checks"));
}

TEST_CASE("a value that is hardly known gives way to one that is known", "[callbacks]") {
  EarlyStopping stopping;
  const auto at = [](std::int64_t step, double distance, double error) {
    auto point = infoplane::test::point(
        step, {{"share/input_unigram/corrected", distance}, {"share/input_unigram/standard_error", error}});
    point.loss = kNaN;
    return point;
  };
  stopping.update(at(0, kNaN, kNaN));  // within its noise
  REQUIRE(stopping.best_step() == -1);
  stopping.update(at(50, 0.3, 0.4));  // luck
  REQUIRE(stopping.best_step() == 50);
  stopping.update(at(100, 0.6, 0.02));
  REQUIRE(stopping.best_step() == 100);
  stopping.update(at(150, 0.59, 0.02));  // 0.01 better, with a noise of 0.028
  REQUIRE(stopping.best_step() == 100);
  REQUIRE(stopping.waited() == 1);
  stopping.update(at(200, 0.55, 0.02));
  REQUIRE(stopping.best_step() == 200);
  REQUIRE(stopping.best_value() == 0.55);
  REQUIRE(stopping.message() ==
          "share/input_unigram/corrected improved to 0.55 at step 200; 1 of 5 checks was not defined");
}

TEST_CASE("a loss that has come to rest waits for a distance that still falls", "[callbacks]") {
  Run run{flat_from(2000), 0.002, [](double step) { return 0.9 - 2e-5 * step; }, 0.01};
  run.checks = 300;
  REQUIRE_FALSE(play(run, 1).stopped());
  run.distance = [](double step) { return 0.9 - 2e-5 * std::min(step, 4000.0); };
  REQUIRE(play(run, 1).reason() == StopReason::kSettled);
}

TEST_CASE("without a loss the distance decides, on the same evidence", "[callbacks]") {
  Run run{learns, 0, [](double step) { return 0.5 + 0.4 * std::exp(-step / 1500); }, 0.004};
  run.with_loss = false;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    const auto stopping = play(run, seed);
    REQUIRE(stopping.reason() == StopReason::kSettled);
    REQUIRE(stopping.stopped_step() > 5000);  // 0.514
    REQUIRE(stopping.best_step() > 3000);
    REQUIRE_THAT(stopping.message(), StartsWith("share/input_unigram/corrected has settled at step ") &&
                                         ContainsSubstring(", less than 0.01"));
    auto noisy = run;
    noisy.distance_noise = 0.05;
    noisy.checks = 200;
    REQUIRE_FALSE(play(noisy, seed).stopped());
    auto falls = run;
    falls.distance = [](double step) { return 0.9 - 2e-5 * step; };
    REQUIRE_FALSE(play(falls, seed).stopped());
  }
}

TEST_CASE("points that have no loss but 0 count as without", "[callbacks]") {
  Run run{[](double) { return 0; }, 0, [](double step) { return 0.5 + 0.4 * std::exp(-step / 1500); }, 0.004};
  const auto stopping = play(run, 1);
  REQUIRE(stopping.reason() == StopReason::kSettled);
  REQUIRE_THAT(stopping.message(), StartsWith("share/input_unigram/corrected has settled"));
}

TEST_CASE("a validation loss that is fed decides instead of that of the points", "[callbacks]") {
  Run run{learns, 0.05};
  run.fed = [](double step) { return step < 3000 ? learns(step) : learns(3000) + 5e-5 * (step - 3000); };
  run.fed_noise = 0.01;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    const auto stopping = play(run, seed);
    REQUIRE(stopping.stopped_step() > 3000);
    REQUIRE(stopping.stopped_step() < 9000);
    REQUIRE(stopping.best_step() > 1500);
    REQUIRE(stopping.best_step() < 4500);
    const bool turned = stopping.reason() == StopReason::kWorsening;
    REQUIRE((turned || stopping.reason() == StopReason::kSettled));
    REQUIRE_THAT(stopping.message(),
                 StartsWith(turned ? "validation_loss is " : "validation_loss has been getting worse at step "));
  }
}

TEST_CASE("a validation loss may come later, and not at every point", "[callbacks]") {
  const auto at = [](std::int64_t step, double loss) {
    auto point = infoplane::test::point(step, {{"share/input_unigram/corrected", 0.7}});
    point.loss = loss;
    return point;
  };
  EarlyStopping stopping;
  stopping.update(at(0, 5), {{"validation_loss", kNaN}});  // not measured yet
  stopping.update(at(50, 4), {{"validation_loss", kNaN}});
  REQUIRE(stopping.best_step() == 50);
  REQUIRE(stopping.best_value() == 4);
  stopping.update(at(100, 3), {{"validation_loss", 6}});
  REQUIRE(stopping.best_step() == 100);
  REQUIRE(stopping.best_value() == 6);
  REQUIRE(stopping.improved());
  stopping.update(at(150, 2));
  REQUIRE(stopping.best_step() == 100);
  REQUIRE(stopping.message() == "validation_loss improved to 6 at step 100; 1 of 2 checks was not defined");
  EarlyStopping resumed;
  resumed.load_state(stopping.save_state());
  REQUIRE(resumed.message() == stopping.message());
  REQUIRE_FALSE(resumed.update(at(200, 2), {{"validation_loss", 5}}));
  REQUIRE(resumed.best_step() == 200);
  REQUIRE(resumed.update(at(250, 2), {{"validation_loss", kNaN}}));
  REQUIRE(resumed.message() == "validation_loss is nan at step 250; 2 of 4 checks were not defined");
}

TEST_CASE("the default rule ends a run whose loss has become NaN", "[callbacks]") {
  Run run{[](double step) { return step < 700 ? learns(step) : kNaN; }, 0.05};
  const auto stopping = play(run, 1);
  REQUIRE(stopping.reason() == StopReason::kNotFinite);
  REQUIRE(stopping.message() == "loss is nan at step 700");
  run.with_loss = false;
  run.checks = 40;
  REQUIRE_FALSE(play(run, 1).stopped());
}

TEST_CASE("options without a monitor refine the default rule", "[callbacks]") {
  const Run run{flat_from(2000), 0.004};
  const auto end = play(run, 1).stopped_step();
  REQUIRE(play(run, 1, EarlyStoppingOptions().patience(1)).stopped_step() <= end);
  const auto patient = play(run, 1, EarlyStoppingOptions().patience(120));
  REQUIRE(patient.stopped_step() > end);
  REQUIRE(patient.waited() >= 120);
  const auto threshold = play(run, 1, EarlyStoppingOptions().stopping_threshold(0.75));
  REQUIRE(threshold.reason() == StopReason::kThreshold);
  REQUIRE(threshold.stopped_step() == 0);
  const auto also = EarlyStoppingOptions().also({Criterion().monitor("loss").stopping_threshold(4)});
  const auto any = play(run, 1, also);
  REQUIRE(any.reason() == StopReason::kThreshold);
  REQUIRE_THAT(any.message(), StartsWith("loss reached 3."));
  const auto all = play(run, 1, EarlyStoppingOptions(also).combine(Combine::kAll));
  REQUIRE(all.reason() == StopReason::kSettled);
  REQUIRE(all.stopped_step() == end);
  REQUIRE_THAT(all.message(), ContainsSubstring("; loss reached "));
  REQUIRE(play(run, 1, EarlyStoppingOptions(also).combine(Combine::kFirst)).stopped_step() == end);
}

TEST_CASE("a metric that is named may be asked to have settled too", "[callbacks]") {
  const auto options =
      EarlyStoppingOptions().monitor("loss").settled(0.01).min_delta_mode(DeltaMode::kRelative).patience(10);
  const auto stopping = play({flat_from(2000), 0.02}, 1, options);
  REQUIRE(stopping.reason() == StopReason::kSettled);
  REQUIRE(stopping.waited() >= 10);
  REQUIRE_THAT(stopping.message(), StartsWith("loss has settled at step ") && ContainsSubstring(", less than 1 %"));
  REQUIRE_FALSE(play({learns, 0.02, learns, 0.01, {}, 0, true, 100}, 1, options).stopped());
}

TEST_CASE("the default rule goes on where it was saved", "[callbacks]") {
  Noise noise(5);
  EarlyStopping whole;
  std::vector<infoplane::plane::Point> points;
  for (std::int64_t step = 0; !whole.stopped(); step += 50) {
    points.push_back(infoplane::test::point(
        step, {{"share/input_unigram/corrected", 0.7 + 0.01 * noise()}, {"share/input_unigram/standard_error", 0.01}}));
    points.back().loss = flat_from(2000)(static_cast<double>(step)) + 0.004 * noise();
    whole.update(points.back());
    REQUIRE(points.size() < 500);
  }
  for (std::size_t cut = 0; cut <= points.size(); cut += 7) {
    EarlyStopping before;
    for (std::size_t i = 0; i < cut; ++i) {
      before.update(points[i]);
    }
    EarlyStopping after;
    after.load_state(before.save_state());
    REQUIRE(after.message() == before.message());
    REQUIRE(after.best_step() == before.best_step());
    for (std::size_t i = cut; i < points.size(); ++i) {
      after.update(points[i]);
    }
    REQUIRE(after.save_state() == whole.save_state());
    REQUIRE(after.message() == whole.message());
  }
  auto text = infoplane::test::unsealed(whole.save_state());
  text.replace(text.find("\"checks_a_mean\":"), 17, "\"checks_a_mean\":3");
  REQUIRE_THROWS_MATCHES(
      EarlyStopping().load_state(text), infoplane::ArgumentError,
      Catch::Matchers::MessageMatches(
          StartsWith("a saved state of EarlyStopping has no possible history of \"share/input_unigram/corrected\"")));
}
