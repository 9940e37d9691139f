#include <catch2/catch_test_macros.hpp>
#include <infoplane/callbacks/early_stopping.hpp>
#include <string>
#include <utility>
#include <vector>

#include "callbacks/points.hpp"

using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::callbacks::Combine;
using infoplane::callbacks::Criterion;
using infoplane::callbacks::is_loss;
using infoplane::callbacks::StopReason;
using infoplane::test::kInf;
using infoplane::test::kNaN;

namespace {

infoplane::plane::Point heldout(std::int64_t step, double share, double loss) {
  auto point = infoplane::test::point(step, {{"share/output_unigram/corrected", share}});
  point.loss = loss;
  return point;
}

EarlyStopping fed(EarlyStoppingOptions options, const std::string& key, const std::vector<double>& values) {
  EarlyStopping stopping(std::move(options));
  for (std::size_t i = 0; i < values.size(); ++i) {
    stopping.update(static_cast<std::int64_t>(10 * i), {{key, values[i]}});
  }
  return stopping;
}

}  // namespace

TEST_CASE("compression() ends a run whose loss has become NaN, and says so", "[callbacks]") {
  for (const double broken : {kNaN, kInf, -kInf}) {
    CAPTURE(broken);
    EarlyStopping stopping(EarlyStopping::compression());
    for (std::int64_t step = 0; step <= 600; step += 50) {
      REQUIRE_FALSE(stopping.update(heldout(step, 0.7 - 1e-4 * static_cast<double>(step), 3)));
    }
    REQUIRE(stopping.update(heldout(650, 0.6, broken)));
    REQUIRE(stopping.reason() == StopReason::kNotFinite);
    REQUIRE(exit_code(stopping.reason()) == 21);
    REQUIRE(stopping.stopped_step() == 650);
    REQUIRE(stopping.message() == "loss is " +
                                      std::string(broken != broken ? "nan"
                                                  : broken > 0     ? "inf"
                                                                   : "-inf") +
                                      " at step 650");
  }
}

TEST_CASE("a loss that becomes NaN before the start step ends the run, one that was never given does not",
          "[callbacks]") {
  EarlyStopping early(EarlyStopping::compression());  // looks from step 180 on
  REQUIRE_FALSE(early.update(heldout(0, 0.7, 5)));
  REQUIRE(early.best_step() == -1);
  REQUIRE(early.update(heldout(50, 0.7, kNaN)));
  REQUIRE(early.stopped_step() == 50);
  REQUIRE(early.message() == "loss is nan at step 50");

  EarlyStopping between(EarlyStopping::compression());
  between.update(heldout(150, 0.7, 5));
  REQUIRE(between.update(heldout(200, 0.7, kNaN)));  // the first check

  EarlyStopping without(EarlyStopping::compression());
  for (std::int64_t step = 0; step < 2000; step += 50) {
    REQUIRE_FALSE(without.update(heldout(step, 0.7, kNaN)));
  }
  REQUIRE(without.message() == "no finite value of loss in 36 checks");  // from step 200 on
}

TEST_CASE("a loss that is infinite from the start was given, so it ends the run", "[callbacks]") {
  EarlyStopping stopping(EarlyStopping::compression());
  REQUIRE(stopping.update(heldout(200, 0.7, kInf)));
  REQUIRE(stopping.reason() == StopReason::kNotFinite);
  REQUIRE(stopping.message() == "loss is inf at step 200");
}

TEST_CASE("a share that is within its noise is NaN by nature and ends nothing", "[callbacks]") {
  EarlyStopping stopping(EarlyStopping::compression());
  for (std::int64_t step = 200; step < 600; step += 50) {
    REQUIRE_FALSE(stopping.update(heldout(step, step < 350 ? kNaN : 0.7, 2 - 1e-3 * static_cast<double>(step))));
  }
  REQUIRE(stopping.message() ==
          "loss improved to 1.55 at step 550; no improvement of share/output_unigram/corrected by more than 0 % in 2 "
          "checks since step 450 (best 0.7); 3 of 8 checks were not defined; no improvement of "
          "share/output_unigram/corrected by more than 0 % in 2 checks since step 450 (best 0.7); 3 of 8 checks were "
          "not defined");
}

TEST_CASE("check_finite is of each criterion", "[callbacks]") {
  const auto two = [](Criterion second) {
    return EarlyStoppingOptions().monitor("a").also({second.monitor("b")}).combine(Combine::kAll);
  };
  const auto run = [](const EarlyStoppingOptions& options, double a, double b) {
    EarlyStopping stopping(options);
    stopping.update(0, {{"a", 1}, {"b", 1}});
    stopping.update(10, {{"a", a}, {"b", b}});
    return stopping.reason() == StopReason::kNotFinite ? stopping.message() : "";
  };
  REQUIRE(run(two(Criterion()), kNaN, kNaN).empty());
  REQUIRE(run(two(Criterion().check_finite(true)), kNaN, 1).empty());
  REQUIRE(run(two(Criterion().check_finite(true)), 1, kNaN) == "b is nan at step 10");
  REQUIRE(run(two(Criterion().check_finite(false)).check_finite(true), 1, kNaN).empty());
  REQUIRE(run(two(Criterion().check_finite(false)).check_finite(true), kInf, 1) == "a is inf at step 10");
  REQUIRE(run(two(Criterion()).check_finite(true), 1, kNaN) == "b is nan at step 10");
  REQUIRE(run(two(Criterion().check_finite(true)).combine(Combine::kFirst), 1, kNaN).empty());  // only followed
  REQUIRE(run(two(Criterion().check_finite(true)).combine(Combine::kAny), 1, kNaN) == "b is nan at step 10");
}

TEST_CASE("a loss is known by its key, whoever feeds it", "[callbacks]") {
  for (const char* key : {"loss", "validation_loss", "loss/heldout", "Val Loss", "train.loss.2"}) {
    CAPTURE(key);
    REQUIRE(is_loss(key));
    const auto stopping = fed(EarlyStoppingOptions().monitor(key), key, {2, 1, kNaN, 1});
    REQUIRE(stopping.reason() == StopReason::kNotFinite);
    REQUIRE(stopping.stopped_step() == 20);
    REQUIRE_FALSE(fed(EarlyStoppingOptions().monitor(key).check_finite(false), key, {2, 1, kNaN, 1}).stopped());
    // Not measured yet.
    REQUIRE_FALSE(fed(EarlyStoppingOptions().monitor(key), key, {kNaN, kNaN, 2}).stopped());
    REQUIRE(fed(EarlyStoppingOptions().monitor(key).check_finite(true), key, {kNaN}).stopped());
  }
  for (const char* key : {"", "lossless", "gloss", "perplexity", "distance/unigram/corrected", "los s"}) {
    CAPTURE(key);
    REQUIRE_FALSE(is_loss(key));
  }
  REQUIRE_FALSE(fed(EarlyStoppingOptions().monitor("accuracy"), "accuracy", {2, kNaN, kNaN, 1}).stopped());
  // A key that is left out at some steps is not NaN.
  EarlyStopping lenient(EarlyStoppingOptions().monitor("validation_loss").strict(false));
  lenient.update(0, {{"validation_loss", 2}});
  REQUIRE_FALSE(lenient.update(10, {}));
  REQUIRE(lenient.message() == "validation_loss improved to 2 at step 0; 1 of 2 checks was not defined");
}

TEST_CASE("NaN inside a smoothing window is reported, not averaged", "[callbacks]") {
  const auto options = EarlyStoppingOptions().monitor("loss").smoothing(3).min_delta(0).patience(2);
  const auto stopping = fed(options, "loss", {3, 2, kNaN});
  REQUIRE(stopping.reason() == StopReason::kNotFinite);
  REQUIRE(stopping.message() == "loss is nan at step 20");
}

TEST_CASE("an error that is NaN is no loss that is NaN", "[callbacks]") {
  EarlyStopping stopping(EarlyStoppingOptions().monitor("loss").min_delta(1).min_delta_mode(
      infoplane::callbacks::DeltaMode::kStandardErrors));
  REQUIRE_FALSE(stopping.update(0, {{"loss", 3}, {"loss/standard_error", 0.1}}));
  REQUIRE_FALSE(stopping.update(10, {{"loss", 2}, {"loss/standard_error", kNaN}}));
  REQUIRE_FALSE(stopping.update(20, {{"loss", 2.95}, {"loss/standard_error", 0.1}}));
  REQUIRE(stopping.message() ==
          "no improvement of loss by more than 1 standard errors in 1 check since step 0 (best 3); 1 of 3 checks was "
          "not defined");
  REQUIRE(stopping.update(30, {{"loss", kNaN}, {"loss/standard_error", 0.1}}));
  REQUIRE(stopping.message() == "loss is nan at step 30; 2 of 4 checks were not defined");
}

TEST_CASE("metrics that must all agree do not hide the one that is never defined", "[callbacks]") {
  const auto options = EarlyStoppingOptions()
                           .monitor("a")
                           .patience(2)
                           .min_delta(0)
                           .also({Criterion().monitor("b").patience(2).min_delta(0)})
                           .combine(Combine::kAll);
  EarlyStopping first(options);
  EarlyStopping second(options);
  for (std::int64_t step = 0; step < 80; step += 10) {
    REQUIRE_FALSE(first.update(step, {{"a", kNaN}, {"b", 1}}));
    REQUIRE_FALSE(second.update(step, {{"a", 1}, {"b", kNaN}}));
  }
  REQUIRE(first.message() == "no finite value of a in 8 checks");
  REQUIRE(second.message() ==
          "no improvement of a by more than 0 in 7 checks since step 0 (best 1); no finite value of b in 8 checks");
}

TEST_CASE("what lies within its own noise is never called best", "[callbacks]") {
  const auto at = [](std::int64_t step, double plug_in, double corrected, double error) {
    return infoplane::test::point(step, {{"distance/unigram", plug_in},
                                         {"distance/unigram/corrected", corrected},
                                         {"distance/unigram/standard_error", error}});
  };
  // An untrained model: the plug-in value is bias, and its corrected one cannot be told from noise.
  EarlyStopping plug_in(EarlyStoppingOptions().monitor("distance/unigram"));
  plug_in.update(at(0, 0.43, kNaN, kNaN));
  REQUIRE(plug_in.best_step() == -1);
  plug_in.update(at(50, 0.6, 0.9, 0.02));
  REQUIRE(plug_in.best_step() == 50);
  REQUIRE(plug_in.message() == "distance/unigram improved to 0.6 at step 50; 1 of 2 checks was not defined");

  const auto options = EarlyStoppingOptions().monitor("distance/unigram/corrected").patience(2).min_delta(0.001);
  EarlyStopping corrected(options);
  corrected.update(at(0, 0.5, 0.80, 0.03));
  corrected.update(at(10, 0.5, 0.76, 0.04));  // 0.04 better, with a noise of 0.05: nobody can tell
  REQUIRE(corrected.best_step() == 0);
  REQUIRE(corrected.waited() == 0);
  corrected.update(at(20, 0.5, 0.74, 0.04));  // 0.06
  REQUIRE(corrected.best_step() == 20);
  REQUIRE_FALSE(corrected.update(at(30, 0.5, 0.74, 0.04)));
  REQUIRE(corrected.update(at(40, 0.5, 0.75, 0.04)));
  REQUIRE(corrected.reason() == StopReason::kPatience);
}
