#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>

#include "callbacks/points.hpp"

using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using Catch::Matchers::StartsWith;
using infoplane::ArgumentError;
using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::StateError;
using infoplane::callbacks::Criterion;
using infoplane::test::kInf;
using infoplane::test::kNaN;
using infoplane::test::point;

namespace {

EarlyStoppingOptions options() {
  return EarlyStoppingOptions().monitor("a").smoothing(2).patience(3).min_delta(0.01).also(
      {Criterion().monitor("b").patience(infoplane::callbacks::kEndless).worsening(0.5),
       Criterion().monitor("b").patience(infoplane::callbacks::kEndless).trend(5).trend_errors(-100)});
}

/// A run with a turn, NaN and infinities.
infoplane::plane::Point at(int i) {
  const double a = i == 4 ? kNaN : i == 6 ? kInf : 1.0 / (1 + i) + (i > 8 ? 0.03 * (i - 8) : 0);
  return point(10 * i, {{"a", a}, {"b", 1.0 + (i % 3) * 0.1}});
}

}  // namespace

TEST_CASE("a run that is resumed anywhere gives the verdict of one that never stopped", "[callbacks]") {
  EarlyStopping whole(options());
  int end = 0;
  while (!whole.update(at(end))) {
    ++end;
    REQUIRE(end < 30);
  }
  for (int cut = 0; cut <= end + 1; ++cut) {
    CAPTURE(cut);
    EarlyStopping before(options());
    for (int i = 0; i < cut; ++i) {
      before.update(at(i));
    }
    EarlyStopping after(options());
    after.load_state(before.save_state());
    REQUIRE(after.message() == before.message());
    for (int i = cut; i <= end; ++i) {
      REQUIRE(after.update(at(i)) == (i == end));
    }
    REQUIRE(after.save_state() == whole.save_state());
    REQUIRE(after.best_value() == whole.best_value());
    REQUIRE(after.message() == whole.message());
  }
}

TEST_CASE("a resumed run keeps its stream and its last step", "[callbacks]") {
  EarlyStopping before(options());
  before.update(at(3));
  EarlyStopping after(options());
  after.load_state(before.save_state());
  REQUIRE_THROWS_AS(after.update(at(3)), StateError);
  REQUIRE_THROWS_AS(after.update(point(90, {{"a", 1}, {"b", 1}}, "train")), StateError);
}

TEST_CASE("a state that does not fit is refused and changes nothing", "[callbacks]") {
  EarlyStopping other(options().monitor("c"));
  const auto untouched = other.save_state();
  const auto state = EarlyStopping(options()).save_state();
  REQUIRE_THROWS_MATCHES(other.load_state(state), ArgumentError,
                         Message("a saved state of EarlyStopping has the monitor \"a\" where the options have \"c\""));
  EarlyStopping fewer(EarlyStoppingOptions().monitor("a").smoothing(2));
  REQUIRE_THROWS_MATCHES(fewer.load_state(state), ArgumentError,
                         Message("a saved state of EarlyStopping has 3 criteria where the options have 1"));
  EarlyStopping of_stream(options().stream("train"));
  EarlyStopping heldout(options());
  heldout.update(at(0));
  REQUIRE_THROWS_MATCHES(of_stream.load_state(heldout.save_state()), ArgumentError,
                         Message("a saved state of EarlyStopping is of stream \"heldout\" where the options have "
                                 "\"train\""));
  REQUIRE_THROWS_MATCHES(other.load_state("{\"version\": 7}"), ArgumentError,
                         Message("a saved state of EarlyStopping is of version 7; this library reads version 1"));
  for (const char* text : {"", "nonsense", "{}", "[]", "{\"version\": 1}"}) {
    CAPTURE(text);
    REQUIRE_THROWS_MATCHES(other.load_state(text), ArgumentError,
                           MessageMatches(StartsWith("the text is no saved state of EarlyStopping: ")));
  }
  auto reason = EarlyStopping(options().monitor("c")).save_state();
  reason.replace(reason.rfind("\"reason\":0"), 10, "\"reason\":9");
  REQUIRE_THROWS_MATCHES(other.load_state(reason), ArgumentError,
                         Message("a saved state of EarlyStopping has the unknown reason 9"));
  REQUIRE(other.save_state() == untouched);
}
