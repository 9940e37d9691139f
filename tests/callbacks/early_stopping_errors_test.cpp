#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <limits>

using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::StateError;
using infoplane::plane::Point;

namespace {

Point point(std::int64_t step, double value, std::string split = "train") {
  Point made;
  made.step = step;
  made.split = std::move(split);
  made.mean = {{"H(Z)", 0.9}, {"distance/unigram", value}};
  return made;
}

}  // namespace

TEST_CASE("a key that the point lacks is an error with the keys there are", "[callbacks]") {
  EarlyStopping stopping(EarlyStoppingOptions().monitor("distance/unigrams").start_from_step(1000));
  REQUIRE_THROWS_MATCHES(stopping.update(point(50, 0.5)), ArgumentError,
                         Message("EarlyStopping monitors \"distance/unigrams\", which the point of step 50 does not "
                                 "have; it has: H(Z), distance/unigram"));
  EarlyStopping default_options;
  auto empty = point(50, 0.5);
  empty.mean.clear();
  REQUIRE_THROWS_MATCHES(
      default_options.update(empty), ArgumentError,
      Message("EarlyStopping monitors \"share/input_unigram/corrected\", which the point of step 50 does "
              "not have; it has: none, because the point has no layer but the embedding"));
}

TEST_CASE("steps must rise and an error leaves the state as it was", "[callbacks]") {
  EarlyStopping stopping(EarlyStoppingOptions().monitor("distance/unigram").patience(2));
  stopping.update(point(50, 0.5));
  stopping.update(point(100, 0.6));
  REQUIRE_THROWS_MATCHES(stopping.update(point(100, 0.7)), StateError,
                         Message("EarlyStopping was given the point of step 100 after that of step 100: points must "
                                 "come in the order of their steps, each once"));
  REQUIRE_THROWS_AS(stopping.update(point(60, 0.1)), StateError);
  REQUIRE(stopping.waited() == 1);
  REQUIRE(stopping.best_step() == 50);
  REQUIRE(stopping.update(point(101, 0.7)));
}

TEST_CASE("streams do not mix", "[callbacks]") {
  EarlyStopping stopping(EarlyStoppingOptions().monitor("distance/unigram"));
  stopping.update(point(50, 0.5, "heldout"));
  REQUIRE_THROWS_MATCHES(stopping.update(point(100, 0.5, "train")), StateError,
                         Message("EarlyStopping was given a point of stream \"train\" after points of stream "
                                 "\"heldout\", which cannot be compared: choose one with "
                                 "EarlyStoppingOptions().split(\"heldout\")"));
  REQUIRE_FALSE(stopping.update(point(100, 0.4, "heldout")));
  REQUIRE(stopping.best_step() == 100);
}

TEST_CASE("options that cannot work are refused", "[callbacks]") {
  const auto make = [](const EarlyStoppingOptions& options) { EarlyStopping made(options); };
  REQUIRE_THROWS_MATCHES(make(EarlyStoppingOptions().patience(0)), ArgumentError,
                         Message("EarlyStopping needs a patience of at least 1 check, got 0"));
  REQUIRE_THROWS_MATCHES(make(EarlyStoppingOptions().min_delta(-0.5)), ArgumentError,
                         Message("EarlyStopping needs a finite min_delta of at least 0, got -0.5: it is a distance, "
                                 "whatever the mode"));
  REQUIRE_THROWS_AS(make(EarlyStoppingOptions().min_delta(std::numeric_limits<double>::quiet_NaN())), ArgumentError);
  REQUIRE_THROWS_AS(make(EarlyStoppingOptions().min_delta(std::numeric_limits<double>::infinity())), ArgumentError);
  REQUIRE_THROWS_MATCHES(make(EarlyStoppingOptions().start_from_step(-1)), ArgumentError,
                         Message("EarlyStopping needs a start_from_step of at least 0, got -1"));
  REQUIRE_THROWS_MATCHES(
      make(EarlyStoppingOptions().monitor("")), ArgumentError,
      Message("EarlyStopping needs the key of a metric, such as monitor(\"distance/unigram/corrected\")"));
}
