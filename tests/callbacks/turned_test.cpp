#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <functional>
#include <infoplane/callbacks/early_stopping.hpp>

#include "callbacks/noise.hpp"
#include "callbacks/points.hpp"

using Catch::Matchers::ContainsSubstring;
using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::callbacks::Criterion;
using infoplane::callbacks::DeltaMode;
using infoplane::callbacks::kEndless;
using infoplane::callbacks::StopReason;
using infoplane::test::Noise;

namespace {

using Curve = std::function<double(double)>;  // of a step

/// Falls to 2 at step 1500 and rises by 10 % in as many steps again.
double turns(double step) { return 2 + 0.2 * std::abs(step - 1500) / 1500 * (step < 1500 ? 8 : 1); }

EarlyStoppingOptions worse_beyond_noise() {
  return EarlyStoppingOptions().criterion(Criterion()
                                              .monitor("validation_loss")
                                              .patience(kEndless)
                                              .min_delta(0)
                                              .min_delta_mode(DeltaMode::kRelative)
                                              .smoothing(3)
                                              .worsening(0.0075)
                                              .worsening_errors(3));
}

/// A check every 50 steps with the loss fed.
EarlyStopping fed(const Curve& loss, double noise, std::uint64_t seed, std::int64_t checks,
                  const EarlyStoppingOptions& options = worse_beyond_noise()) {
  EarlyStopping stopping(options);
  Noise jumps(seed);
  for (std::int64_t step = 0; step < 50 * checks && !stopping.stopped(); step += 50) {
    stopping.update(step, {{"validation_loss", loss(static_cast<double>(step)) + noise * jumps()}});
  }
  return stopping;
}

/// Points of one split whose loss turns, under the default rule; the share falls by `slope` a step.
EarlyStopping points(const std::string& split, double slope, const std::string& key = "share/input_unigram/corrected") {
  EarlyStopping stopping;
  Noise jumps(1);
  for (std::int64_t step = 0; step < 50 * 48 && !stopping.stopped(); step += 50) {  // 50 would do for `settled`
    auto point = infoplane::test::point(step, {{key, 0.9 - slope * static_cast<double>(step) + 1e-3 * jumps()}});
    point.split = split;
    point.loss = turns(static_cast<double>(step)) + 0.004 * jumps();
    stopping.update(point);
  }
  return stopping;
}

}  // namespace

TEST_CASE("a value that rises beyond its jumps has worsened, sooner the less it jumps", "[callbacks]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const auto quiet = fed(turns, 0.002, seed, 60), noisy = fed(turns, 0.02, seed, 60);
    REQUIRE(quiet.reason() == StopReason::kWorsening);
    REQUIRE(quiet.stopped_step() >= 1600);
    REQUIRE(quiet.stopped_step() <= 1900);
    REQUIRE(quiet.best_step() >= 1450);
    REQUIRE(quiet.best_step() <= 1650);
    REQUIRE((!noisy.stopped() || noisy.stopped_step() > quiet.stopped_step()));
  }
}

TEST_CASE("jumps alone are no worsening, however many checks they have to look like one", "[callbacks]") {
  const auto rest = [](double) { return 2.0; };
  int ended = 0, ended_plain = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    ended += fed(rest, 0.03, seed, 400).stopped() ? 1 : 0;
    ended_plain += fed(rest, 0.03, seed, 400, worse_beyond_noise().worsening_errors(0)).stopped() ? 1 : 0;
  }
  REQUIRE(ended <= 4);  // runs with nothing left to gain
  REQUIRE(ended_plain == 50);
}

TEST_CASE("below ten checks nobody knows how it jumps", "[callbacks]") {
  EarlyStopping stopping(worse_beyond_noise());
  for (const double loss : {2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 9.0, 9.0, 9.0}) {
    REQUIRE_FALSE(stopping.update(static_cast<std::int64_t>(stopping.states()[0].checks), {{"validation_loss", loss}}));
  }
}

TEST_CASE("the default rule ends a run whose held-out loss has turned", "[callbacks]") {
  const auto stopping = points("heldout", 0);
  REQUIRE(stopping.reason() == StopReason::kWorsening);
  REQUIRE(stopping.stopped_step() > 1550);
  REQUIRE(stopping.stopped_step() < 2200);
  REQUIRE_THAT(stopping.message(), ContainsSubstring("loss is ") && ContainsSubstring("worse by more than 0.75 %"));
  REQUIRE(fed(turns, 0.004, 1, 60, EarlyStoppingOptions().strict(false)).reason() == StopReason::kWorsening);
}

TEST_CASE("the loss of micro-batches may turn as the data do", "[callbacks]") {
  REQUIRE_FALSE(points("train", 0).stopped());
}

TEST_CASE("a loss that has turned waits for a share that falls", "[callbacks]") {
  REQUIRE_FALSE(points("heldout", 1e-4).stopped());
  REQUIRE(points("heldout", -1e-4).stopped());  // one that rises is no gain
}

TEST_CASE("points of older releases have a distance in the place of the share", "[callbacks]") {
  REQUIRE(points("heldout", 0, "distance/unigram/corrected").reason() == StopReason::kWorsening);
  EarlyStopping first;
  auto point = infoplane::test::point(50, {{"distance/unigram/corrected", 0.7}});
  first.update(point);
  EarlyStopping second;
  second.load_state(first.save_state());
  REQUIRE(second.save_state() == first.save_state());
  point.step = 100;
  REQUIRE_FALSE(second.update(point));
}

TEST_CASE("the state of a rule that looks at jumps goes on to the same verdict", "[callbacks]") {
  Noise jumps(3);
  EarlyStopping whole(worse_beyond_noise());
  auto saved = EarlyStopping(worse_beyond_noise());
  for (std::int64_t step = 0; step < 3000; step += 50) {
    const double loss = turns(static_cast<double>(step)) + 0.005 * jumps();
    whole.update(step, {{"validation_loss", loss}});
    EarlyStopping loaded(worse_beyond_noise());
    loaded.load_state(saved.save_state());
    loaded.update(step, {{"validation_loss", loss}});
    saved = loaded;
  }
  REQUIRE(whole.stopped());
  REQUIRE(saved.stopped_step() == whole.stopped_step());
  REQUIRE(saved.message() == whole.message());
}
