#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/plane/ranking.hpp>
#include <limits>
#include <string>

using Catch::Matchers::WithinAbs;
using infoplane::plane::Measured;
using infoplane::plane::rank;
using infoplane::plane::Verdict;

namespace {
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
}

TEST_CASE("values are ranked from the best, and told apart from it where noise allows", "[plane]") {
  const auto ranked = rank({{0.50, 0.01}, {0.40, 0.01}, {0.42, 0.01}, {0.44, 0.01}}, true);
  REQUIRE(ranked.size() == 4);
  REQUIRE(ranked[0].index == 1);
  REQUIRE(ranked[0].verdict == Verdict::kBest);
  REQUIRE(ranked[0].difference == 0);
  REQUIRE(ranked[1].index == 2);
  REQUIRE_THAT(ranked[1].difference, WithinAbs(0.02, 1e-12));
  REQUIRE_THAT(ranked[1].standard_error, WithinAbs(0.01 * std::sqrt(2), 1e-12));
  REQUIRE_THAT(ranked[1].p_value, WithinAbs(0.15729920705, 1e-9));  // √2 standard errors; the largest p stays as it is
  REQUIRE(ranked[1].verdict == Verdict::kTied);
  REQUIRE_THAT(ranked[2].p_value, WithinAbs(2 * 0.00467773498, 1e-9));  // 2√2 of them; the second of three
  REQUIRE(ranked[2].verdict == Verdict::kWorse);
  REQUIRE(ranked[3].verdict == Verdict::kWorse);
}

TEST_CASE("Holm's correction keeps a run tied that one test alone would call worse", "[plane]") {
  const auto alone = rank({{0.0, 1.0}, {3.0, 1.0}}, true);
  REQUIRE_THAT(alone[1].p_value, WithinAbs(0.033894853525, 1e-9));
  REQUIRE(alone[1].verdict == Verdict::kWorse);
  const auto several = rank({{0.0, 1.0}, {3.0, 1.0}, {3.0, 1.0}, {3.0, 1.0}}, true);
  REQUIRE_THAT(several[1].p_value, WithinAbs(3 * 0.033894853525, 1e-9));
  REQUIRE(several[3].p_value == several[1].p_value);
  REQUIRE(several[3].verdict == Verdict::kTied);
}

TEST_CASE("without standard errors nothing is called worse, and what is not finite comes last", "[plane]") {
  const auto ranked =
      rank({{kNaN, 0.1}, {0.5, kNaN}, {0.6, 0.1}, {std::numeric_limits<double>::infinity(), 0.1}}, false);
  REQUIRE(ranked[0].index == 2);
  REQUIRE(ranked[1].index == 1);
  REQUIRE(ranked[1].verdict == Verdict::kUnknown);
  REQUIRE(std::isnan(ranked[1].p_value));
  REQUIRE(ranked[2].index == 0);
  REQUIRE(ranked[2].verdict == Verdict::kUndefined);
  REQUIRE(ranked[3].index == 3);
  REQUIRE(std::isnan(ranked[3].difference));
  REQUIRE(rank({}, true).empty());
  REQUIRE(rank({{kNaN, kNaN}}, true)[0].verdict == Verdict::kUndefined);
}

TEST_CASE("equal values without noise are tied", "[plane]") {
  const auto ranked = rank({{0.5, 0}, {0.5, 0}, {0.6, 0}}, true);
  REQUIRE(ranked[0].index == 0);
  REQUIRE(ranked[1].verdict == Verdict::kTied);
  REQUIRE(ranked[2].verdict == Verdict::kWorse);
  REQUIRE(std::string(infoplane::plane::to_string(ranked[2].verdict)) == "worse");
  for (const auto verdict : {Verdict::kBest, Verdict::kTied, Verdict::kUnknown, Verdict::kUndefined}) {
    REQUIRE(std::string(infoplane::plane::to_string(verdict)) != "worse");
  }
}

TEST_CASE("errors from few sequences make a difference less sure", "[plane]") {
  const auto p_of = [](double degrees, double other) {
    return rank({{0.50, 0.01, degrees}, {0.53, 0.01, other}}, true)[1].p_value;
  };
  const double many = 0.033894853525;  // 3/√2 standard errors of a normal distribution
  REQUIRE_THAT(rank({{0.50, 0.01}, {0.53, 0.01}}, true)[1].p_value, WithinAbs(many, 1e-9));  // unknown: as of many
  REQUIRE_THAT(p_of(kNaN, 3), WithinAbs(many, 1e-9));
  // Welch and Satterthwaite: equal errors of 3 degrees each have 6 together. t = 2.1213, p = 0.0781.
  REQUIRE_THAT(p_of(3, 3), WithinAbs(0.0781407494, 1e-8));
  REQUIRE_THAT(p_of(1e9, 1e9), WithinAbs(many, 1e-6));
  REQUIRE(rank({{0.50, 0.01, 3}, {0.53, 0.01, 3}}, true)[1].verdict == Verdict::kTied);
  // An error of none takes no part: the degrees are the other's.
  REQUIRE_THAT(rank({{0.50, 0, 3}, {0.53, 0.01, 7}}, true)[1].p_value, WithinAbs(0.0199421261, 1e-8));  // t = 3
  REQUIRE(rank({{0.50, 0, 3}, {0.53, 0, 3}}, true)[1].verdict == Verdict::kWorse);
}
