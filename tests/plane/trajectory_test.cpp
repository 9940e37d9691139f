#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/trajectory.hpp>

#include "plane/made_trajectories.hpp"

using Catch::Approx;
using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::StateError;
using infoplane::Trajectory;
using infoplane::plane::Point;
using infoplane::test::made;

namespace {

Point point(std::int64_t step, infoplane::plane::Metrics mean, std::string split = "train") {
  Point one;
  one.step = step;
  one.split = std::move(split);
  one.mean = std::move(mean);
  return one;
}

}  // namespace

TEST_CASE("points of one stream in rising steps", "[plane]") {
  Trajectory trajectory;
  trajectory.append(point(10, {}));
  REQUIRE_THROWS_MATCHES(trajectory.append(point(10, {})), StateError,
                         Message("a trajectory was given the point of step 10 after that of step 10: points come in "
                                 "the order of their steps, each once"));
  REQUIRE_THROWS_MATCHES(trajectory.append(point(20, {}, "heldout")), StateError,
                         Message("a trajectory of the stream \"train\" was given a point of \"heldout\": keep one for "
                                 "each stream"));
  REQUIRE(trajectory.size() == 1);
  REQUIRE(trajectory.split() == "train");
  REQUIRE_THROWS_AS(Trajectory({point(5, {}), point(4, {})}), StateError);
  const auto ten = made(10, [](double i) { return i; });
  REQUIRE(ten.window(20, 55).size() == 4);
  REQUIRE(ten.window(20, 55).points().front().step == 20);
  REQUIRE(ten.window(200, 300).empty());
  REQUIRE(ten.layers() == std::vector<std::string>{"blocks.0"});
  REQUIRE(Trajectory().layers().empty());
}

TEST_CASE("series of the mean, a layer, the loss", "[plane]") {
  auto one = point(0, {{"a", 1}, {"a/corrected", 0.5}, {"a/standard_error", 0.1}});
  one.loss = 2;
  one.layers = {{"blocks.0", 1, 0, {{"a", 7}}}};
  const Trajectory trajectory({one, point(1, {{"b", 1}})});
  REQUIRE(trajectory.series("a")[0].value == 1);
  REQUIRE(trajectory.series("a")[0].standard_error == 0.1);
  REQUIRE(trajectory.series("a/corrected")[0].standard_error == 0.1);
  REQUIRE(std::isnan(trajectory.series("a")[1].value));
  REQUIRE(trajectory.series("a", "blocks.0")[0].value == 7);
  REQUIRE(std::isnan(trajectory.series("a", "blocks.0")[1].value));
  REQUIRE(trajectory.series("loss")[0].value == 2);
  REQUIRE(trajectory.decisive_key("a") == "a/corrected");
  REQUIRE(trajectory.decisive_key("a", "blocks.0") == "a");
  const Trajectory seldom({one, point(1, {{"a", 1}}), point(2, {{"a", 1}})});
  REQUIRE(seldom.decisive_key("a") == "a");
}

TEST_CASE("the difference of two points has the noise that their tokens give it", "[plane]") {
  const infoplane::plane::Metrics first{{"a", 1}, {"a/standard_error", 0.3}};
  const infoplane::plane::Metrics second{{"a", 3}, {"a/standard_error", 0.4}};
  const Trajectory train({point(0, first), point(1, second)});
  REQUIRE(train.difference(0, 1, "a").value == 2);
  REQUIRE(train.difference(0, 1, "a").noise == Approx(0.5));
  REQUIRE(train.difference(1, 0, "a").evidence() == Approx(-4));
  REQUIRE_THROWS_MATCHES(train.difference(0, 7, "a"), ArgumentError, Message("the trajectory has no point at step 7"));

  // The same tokens at each point: what all points share is no noise of their difference.
  auto paired = made(
      40, [](double i) { return 0.1 + 0.01 * i; }, 0.002);
  REQUIRE(paired.difference(0, 390, "I(X;Z)/input_unigram").noise == Approx(std::sqrt(2.0) * 0.002).epsilon(0.4));
  // Too few points to see the noise of steps: the errors of the points, which are known to be too large here.
  const Trajectory two({point(0, first, "heldout"), point(1, second, "heldout")});
  REQUIRE(two.difference(0, 1, "a").noise == Approx(0.5));
  REQUIRE(std::isnan(two.difference(0, 1, "b").noise));
}
