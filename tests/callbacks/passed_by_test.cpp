#include <catch2/catch_test_macros.hpp>
#include <infoplane/callbacks/early_stopping.hpp>
#include <utility>

#include "callbacks/points.hpp"

using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::callbacks::DeltaMode;
using infoplane::callbacks::StopReason;
using infoplane::test::kNaN;
using infoplane::test::point;

namespace {

/// That an update leaves everything as it was.
void passes_by(EarlyStopping& stopping, const infoplane::plane::Point& at) {
  const auto state = stopping.save_state();
  const auto message = stopping.message();
  const bool improved = stopping.improved();
  const bool stopped = stopping.stopped();
  REQUIRE(stopping.update(at) == stopped);
  REQUIRE(stopping.improved() == improved);
  REQUIRE(stopping.message() == message);
  REQUIRE(stopping.save_state() == state);
}

EarlyStoppingOptions of(const std::string& key) { return EarlyStoppingOptions().monitor(key).patience(2).min_delta(0); }

}  // namespace

TEST_CASE("a point of another stream changes nothing", "[callbacks]") {
  EarlyStopping stopping(of("a").split("heldout"));
  passes_by(stopping, point(0, {{"a", 9}}, "train"));
  stopping.update(point(10, {{"a", 1}}));
  REQUIRE(stopping.improved());
  passes_by(stopping, point(10, {{"a", 0}}, "train"));
  passes_by(stopping, point(5, {{"b", kNaN}}, "train"));
  stopping.update(point(20, {{"a", 2}}));
  REQUIRE_FALSE(stopping.improved());
  passes_by(stopping, point(30, {{"a", 0}}, "train"));
}

TEST_CASE("a point before the start step changes nothing", "[callbacks]") {
  EarlyStopping stopping(of("a").start_from_step(100));
  passes_by(stopping, point(50, {{"a", 1}}));
  passes_by(stopping, point(50, {{"a", 0}}, "train"));  // the first that counts says which split
  passes_by(stopping, point(60, {{"a", kNaN}}));
  stopping.update(point(100, {{"a", 3}}));
  REQUIRE(stopping.best_step() == 100);
  REQUIRE_FALSE(stopping.stopped());
  REQUIRE(stopping.states()[0].checks == 1);
}

TEST_CASE("a point after the end changes nothing", "[callbacks]") {
  EarlyStopping stopping(of("a").stopping_threshold(1));
  stopping.update(point(0, {{"a", 2}}));
  REQUIRE(stopping.update(point(10, {{"a", 0.5}})));
  REQUIRE(stopping.improved());
  passes_by(stopping, point(20, {{"a", 0.1}}));
  passes_by(stopping, point(20, {{"a", 0.1}}, "train"));
}

TEST_CASE("improvements are counted in the object that saw them", "[callbacks]") {
  EarlyStopping stopping(of("a"));
  REQUIRE(stopping.improvements() == 0);
  stopping.update(0, {{"a", 3}});
  stopping.update(10, {{"a", 2}});
  stopping.update(20, {{"a", 2}});
  REQUIRE(stopping.improvements() == 2);
  EarlyStopping resumed(of("a"));
  resumed.load_state(stopping.save_state());
  REQUIRE(resumed.best_step() == 10);
  REQUIRE(resumed.improvements() == 0);
}

TEST_CASE("a rule that was ended goes on where it is loaded with more patience", "[callbacks]") {
  const auto feed = [](EarlyStopping& stopping, int from, int to) {
    const double values[] = {3, 2, 2.5, 2.5, 2.5, 1.5, 1.6, 1.6, 1.6, 1.6, 1.6};
    for (int i = from; i < to && !stopping.stopped(); ++i) {
      stopping.update(10 * i, {{"a", values[i]}});
    }
  };
  EarlyStopping impatient(of("a"));
  feed(impatient, 0, 11);
  REQUIRE(impatient.stopped_step() == 30);

  EarlyStopping same(of("a"));
  same.load_state(impatient.save_state());
  REQUIRE(same.stopped_step() == 30);
  REQUIRE(same.reason() == StopReason::kPatience);
  REQUIRE(same.message() == impatient.message());

  EarlyStopping patient(of("a").patience(4));
  patient.load_state(impatient.save_state());
  REQUIRE_FALSE(patient.stopped());
  REQUIRE(patient.reason() == StopReason::kNone);
  REQUIRE(patient.stopped_step() == -1);
  REQUIRE(patient.waited() == 2);
  feed(patient, 4, 11);
  EarlyStopping from_the_start(of("a").patience(4));
  feed(from_the_start, 0, 11);
  REQUIRE(patient.save_state() == from_the_start.save_state());
  REQUIRE(patient.stopped_step() == 90);
}

TEST_CASE("whatever ended a rule is asked again by the options that it is loaded with", "[callbacks]") {
  const auto ended = [](const EarlyStoppingOptions& options) {
    EarlyStopping stopping(options);
    stopping.update(0, {{"a", 1}});
    stopping.update(10, {{"a", 1.4}});
    stopping.update(20, {{"a", 1.2}});
    REQUIRE(stopping.stopped());
    return stopping;
  };
  const auto goes_on = [](const EarlyStopping& stopping, const EarlyStoppingOptions& options) {
    EarlyStopping loaded(options);
    loaded.load_state(stopping.save_state());
    EarlyStopping same(stopping.options());
    same.load_state(stopping.save_state());
    REQUIRE(same.save_state() == stopping.save_state());
    REQUIRE(same.message() == stopping.message());
    return !loaded.stopped();
  };
  const auto plain = of("a").patience(10);
  const auto threshold = ended(EarlyStoppingOptions(plain).stopping_threshold(1));
  REQUIRE(threshold.reason() == StopReason::kThreshold);
  REQUIRE(goes_on(threshold, EarlyStoppingOptions(plain).stopping_threshold(0.5)));
  REQUIRE_FALSE(goes_on(threshold, EarlyStoppingOptions(plain).stopping_threshold(1.5)));
  const auto worsening = ended(EarlyStoppingOptions(plain).worsening(0.3));
  REQUIRE(goes_on(worsening, EarlyStoppingOptions(plain).worsening(0.5)));
  REQUIRE_FALSE(goes_on(worsening, EarlyStoppingOptions(plain).worsening(0.1)));
  REQUIRE(goes_on(worsening, EarlyStoppingOptions(plain).worsening(0.3).min_delta_mode(DeltaMode::kRelative)) ==
          false);  // 0.4 is more than 30 % of 1
  const auto divergence = ended(EarlyStoppingOptions(plain).divergence_threshold(1.3));
  REQUIRE(divergence.stopped_step() == 10);
  REQUIRE(goes_on(divergence, EarlyStoppingOptions(plain).divergence_threshold(2)));
  REQUIRE_FALSE(goes_on(divergence, EarlyStoppingOptions(plain).divergence_threshold(1.2)));
  const auto trend = ended(EarlyStoppingOptions(plain).trend(3));
  REQUIRE(trend.reason() == StopReason::kTrend);
  REQUIRE(goes_on(trend, EarlyStoppingOptions(plain).trend(3).trend_errors(-100)));
  EarlyStopping broken(of("loss"));
  broken.update(0, {{"loss", 1}});
  REQUIRE(broken.update(10, {{"loss", kNaN}}));
  REQUIRE(goes_on(broken, of("loss").check_finite(false)));
  REQUIRE_FALSE(goes_on(broken, of("loss")));
}

TEST_CASE("a state of an older version reads", "[callbacks]") {
  // As saved before checks were counted.
  const std::string old =
      "{\"criteria\":[{\"best_error\":0.0,\"best_step\":10,\"best_value\":2.0,\"errors\":[0.0],\"last_value\":2.5,"
      "\"mode\":\"min\",\"monitor\":\"a\",\"reason\":0,\"smoothing\":1,\"trend\":0,\"undefined\":3,\"values\":[2.5],"
      "\"waited\":1}],\"deciding\":0,\"last_step\":60,\"reason\":0,\"stopped_step\":-1,\"stream\":\"heldout\","
      "\"version\":1}";
  EarlyStopping stopping(of("a"));
  stopping.load_state(old);
  REQUIRE(stopping.message() ==
          "no improvement of a by more than 0 in 1 check since step 10 (best 2); 3 checks were not defined");
  REQUIRE(stopping.update(point(70, {{"a", 2}})));
  EarlyStopping again(of("a"));
  again.load_state(stopping.save_state());
  REQUIRE(again.message() == stopping.message());
  REQUIRE(again.message() ==
          "no improvement of a by more than 0 in 2 checks since step 10 (best 2); 3 checks were not defined");
}
