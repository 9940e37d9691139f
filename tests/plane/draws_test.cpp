#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/draws.hpp>

using Catch::Matchers::WithinAbs;
using infoplane::plane::error_within_run;
using infoplane::plane::LayerPoint;
using infoplane::plane::mean_over_draws;
using infoplane::plane::Metrics;

namespace {

LayerPoint draw(double value, double error) {
  return {"blocks.0",
          64,
          0,
          {{"H(Z)", value + 0.5},
           {"K", value + 0.1},
           {"K/null", 0.1},
           {"K/corrected", value},
           {"K/standard_error", error},
           {"tokens/K", 64}},
          {},
          4};
}

}  // namespace

TEST_CASE("a layer is the mean of its draws, and their spread is in its errors", "[plane][draws]") {
  const auto layer = mean_over_draws({draw(0.1, 0.03), draw(0.2, 0.01), draw(0.3, 0.02)});
  REQUIRE_THAT(layer.metrics.at("K/corrected"), WithinAbs(0.2, 1e-15));
  REQUIRE_THAT(layer.metrics.at("K"), WithinAbs(0.3, 1e-15));
  REQUIRE_THAT(layer.metrics.at("H(Z)"), WithinAbs(0.7, 1e-15));
  REQUIRE(layer.metrics.at("tokens/K") == 64);
  const double between = 0.1 / std::sqrt(3.0), tokens = std::sqrt((9e-4 + 1e-4 + 4e-4) / 3);
  REQUIRE_THAT(layer.metrics.at("K/draw_error"), WithinAbs(between, 1e-15));
  REQUIRE_THAT(layer.metrics.at("K/standard_error"), WithinAbs(std::hypot(between, tokens), 1e-15));
  REQUIRE_THAT(error_within_run(layer.metrics, "K/corrected"), WithinAbs(tokens, 1e-15));
  REQUIRE_THAT(error_within_run(layer.metrics, "K"), WithinAbs(tokens, 1e-15));
  REQUIRE(layer.tokens == 64);
  REQUIRE_FALSE(layer.metrics.contains("H(Z)/draw_error"));  // it has no error here
}

TEST_CASE("one draw has no draw error", "[plane][draws]") {
  const auto one = draw(0.1, 0.03);
  const auto layer = mean_over_draws({one});
  REQUIRE(layer.metrics == one.metrics);
  REQUIRE(error_within_run(layer.metrics, "K/corrected") == 0.03);
  REQUIRE(std::isnan(error_within_run(Metrics{}, "K")));
  const Metrics unknown = {{"K/corrected", 0.5}, {"K/standard_error", std::nan("")}, {"K/draw_error", 0.1}};
  REQUIRE(std::isnan(error_within_run(unknown, "K")));
}

TEST_CASE("what one draw cannot tell, their mean cannot", "[plane][draws]") {
  auto undefined = draw(std::nan(""), std::nan(""));
  undefined.reasons["K/corrected"] = "too few tokens";
  const auto layer = mean_over_draws({draw(0.1, 0.03), undefined});
  REQUIRE(std::isnan(layer.metrics.at("K/corrected")));
  REQUIRE(std::isnan(layer.metrics.at("K/standard_error")));
  REQUIRE(std::isnan(error_within_run(layer.metrics, "K")));
  REQUIRE(layer.reasons.at("K/corrected") == "too few tokens");
}

TEST_CASE("across models the error is whole, with the degrees of freedom of its parts", "[plane][draws]") {
  using infoplane::plane::measured_across_models;
  const Metrics metrics = {{"K/corrected", 0.5}, {"K/standard_error", 0.05}, {"K/draw_error", 0.03}};
  const auto both = measured_across_models(metrics, "K/corrected", 10, 4);
  REQUIRE(both.value == 0.5);
  REQUIRE(both.standard_error == 0.05);
  REQUIRE_THAT(both.degrees, WithinAbs(625e-8 / (256e-8 / 10 + 81e-8 / 3), 1e-9));
  const auto many = measured_across_models(metrics, "K/corrected", std::nan(""), 4);
  REQUIRE_THAT(many.degrees, WithinAbs(625e-8 / (81e-8 / 3), 1e-9));
  const auto one = measured_across_models({{"K", 0.5}, {"K/standard_error", 0.05}}, "K", 10, 1);
  REQUIRE(one.standard_error == 0.05);
  REQUIRE(one.degrees == 10);
}

TEST_CASE("draws are of one layer", "[plane][draws]") {
  auto other = draw(0.1, 0.03);
  other.name = "blocks.1";
  REQUIRE_THROWS_AS(mean_over_draws({draw(0.1, 0.03), other}), infoplane::ArgumentError);
  REQUIRE_THROWS_AS(mean_over_draws({}), infoplane::ArgumentError);
}
