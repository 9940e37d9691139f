#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <string>

#include "callbacks/points.hpp"
#include "callbacks/unsealed.hpp"

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
using infoplane::test::unsealed;

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
  EarlyStopping of_split(options().split("train"));
  EarlyStopping heldout(options());
  heldout.update(at(0));
  REQUIRE_THROWS_MATCHES(of_split.load_state(heldout.save_state()), ArgumentError,
                         Message("a saved state of EarlyStopping is of stream \"heldout\" where the options have "
                                 "\"train\""));
  REQUIRE_THROWS_MATCHES(
      other.load_state("{\"version\": 7}"), ArgumentError,
      Message("a saved state of EarlyStopping is of version 7; this library reads versions 1 and 2"));
  for (const char* text : {"", "nonsense", "{}", "[]", "{\"version\": 1}"}) {
    CAPTURE(text);
    REQUIRE_THROWS_MATCHES(other.load_state(text), ArgumentError,
                           MessageMatches(StartsWith("the text is no saved state of EarlyStopping: ")));
  }
  auto reason = unsealed(EarlyStopping(options().monitor("c")).save_state());
  reason.replace(reason.rfind("\"reason\":0"), 10, "\"reason\":9");
  REQUIRE_THROWS_MATCHES(other.load_state(reason), ArgumentError,
                         Message("a saved state of EarlyStopping has the unknown reason 9"));
  REQUIRE(other.save_state() == untouched);
}

TEST_CASE("a state that ended by an option the rule does not have is refused", "[callbacks]") {
  const auto plain = EarlyStoppingOptions().monitor("a");
  struct Ended {
    std::string reason, option;
    EarlyStoppingOptions options;
  };
  const Ended all[] = {{"threshold", "stopping_threshold", EarlyStoppingOptions(plain).stopping_threshold(0.5)},
                       {"divergence", "divergence_threshold", EarlyStoppingOptions(plain).divergence_threshold(-1)},
                       {"worsening", "worsening", EarlyStoppingOptions(plain).worsening(0.1)}};
  for (const auto& [reason, option, options] : all) {
    CAPTURE(reason);
    EarlyStopping before(options);
    before.update(1, {{"a", 0}});
    before.update(2, {{"a", 0.4}});
    REQUIRE(before.stopped());
    EarlyStopping same(options);
    same.load_state(before.save_state());
    REQUIRE(same.message() == before.message());
    EarlyStopping without(plain);
    REQUIRE_THROWS_MATCHES(without.load_state(before.save_state()), ArgumentError,
                           Message("a saved state of EarlyStopping says " + reason + " of \"a\", which the options " +
                                   "have no " + option + " for"));
    REQUIRE_FALSE(without.stopped());
  }
}

TEST_CASE("a state whose parts contradict each other is refused", "[callbacks]") {
  EarlyStopping before(EarlyStoppingOptions().monitor("a").smoothing(2).trend(3).trend_errors(1));
  for (int i = 0; i < 3; ++i) {
    before.update(i, {{"a", 1}});
  }
  REQUIRE(before.reason() == infoplane::callbacks::StopReason::kTrend);
  const auto saved = before.save_state();
  const auto state = unsealed(saved);
  const auto load = [&](const std::string& from, const std::string& to) {
    auto text = state;
    REQUIRE(text.find(from) != std::string::npos);
    text.replace(text.find(from), from.size(), to);
    EarlyStopping after(before.options());
    after.load_state(text);
  };
  const std::string values = "\"values\":[1.0,1.0,1.0]";
  REQUIRE_NOTHROW(load(values, values));
  REQUIRE_THROWS_MATCHES(load("\"errors\":[0.0,0.0,0.0]", "\"errors\":[]"), ArgumentError,
                         Message("a saved state of EarlyStopping has 3 values but 0 errors of \"a\""));
  REQUIRE_THROWS_MATCHES(load(values, "\"values\":[1.0,1.0]"), ArgumentError,
                         Message("a saved state of EarlyStopping has 2 values but 3 errors of \"a\""));
  auto both = state;
  both.replace(both.find(values), values.size(), "\"values\":[1,1,1,1]");
  both.replace(both.find("\"errors\":[0.0,0.0,0.0]"), 22, "\"errors\":[0,0,0,0]");
  REQUIRE_THROWS_MATCHES(before.load_state(both), ArgumentError,
                         Message("a saved state of EarlyStopping has 4 values of \"a\", which keeps 3 at most"));
  both = state;
  both.replace(both.find(values), values.size(), "\"values\":[1]");
  both.replace(both.find("\"errors\":[0.0,0.0,0.0]"), 22, "\"errors\":[0]");
  REQUIRE_THROWS_MATCHES(before.load_state(both), ArgumentError,
                         Message("a saved state of EarlyStopping says trend of \"a\" after 1 of 3 values"));
  auto other = state;
  other.replace(other.rfind("\"reason\":6"), 10, "\"reason\":1");
  REQUIRE_THROWS_MATCHES(before.load_state(other), ArgumentError,
                         Message("a saved state of EarlyStopping ended by patience, but \"a\" says trend"));
  REQUIRE(before.save_state() == saved);
}

TEST_CASE("a state with one changed byte is refused, wherever it is", "[callbacks]") {
  EarlyStopping before(EarlyStoppingOptions().monitor("a").smoothing(2).trend(3));
  for (int i = 0; i < 3; ++i) {
    before.update(10 * i, {{"a", 1.0 / (3 + i)}});
  }
  const auto state = before.save_state();
  EarlyStopping after(before.options());
  const auto untouched = after.save_state();
  std::size_t refused = 0;
  for (std::size_t at = 0; at < state.size(); ++at) {
    for (const char flip : {'\x01', '\x02', '\x04', '\x10'}) {
      auto text = state;
      text[at] = static_cast<char>(text[at] ^ flip);
      CAPTURE(text);
      try {
        EarlyStopping same(before.options());
        same.load_state(text);
        REQUIRE(same.save_state() == state);  // another last digit of the same number
      } catch (const ArgumentError&) {
        REQUIRE_THROWS_AS(after.load_state(text), ArgumentError);
        ++refused;
      }
    }
  }
  REQUIRE(refused > 4 * state.size() - 16);
  REQUIRE(after.save_state() == untouched);
  auto text = state;
  text.replace(text.find("\"best_step\":20"), 14, "\"best_step\":10");
  REQUIRE_THROWS_MATCHES(after.load_state(text), ArgumentError,
                         Message("a saved state of EarlyStopping is damaged: its checksum is not that of its content"));
  REQUIRE_NOTHROW(after.load_state(unsealed(state)));  // as version 1 wrote it
  REQUIRE(after.save_state() == state);
}
