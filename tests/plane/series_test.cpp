#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/series.hpp>
#include <limits>

#include "plane/made_trajectories.hpp"

using Catch::Approx;
using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::plane::Change;
using infoplane::plane::Series;
using infoplane::test::normal;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();

Series series_of(const std::vector<double>& values, double error = 0.3) {
  Series series;
  for (const double value : values) {
    series.push_back({static_cast<std::int64_t>(series.size()), value, error});
  }
  return series;
}

}  // namespace

TEST_CASE("a smoothed series is the mean around each sample, narrower at the ends", "[plane]") {
  const auto smooth = smoothed(series_of({1, 2, 6, 7, 4}), 3);
  REQUIRE(smooth[0].value == 1);
  REQUIRE(smooth[1].value == 3);
  REQUIRE(smooth[2].value == 5);
  REQUIRE(smooth[4].value == 4);
  REQUIRE(smooth[1].standard_error == Approx(0.3 / std::sqrt(3.0)));
  REQUIRE(smooth[0].standard_error == 0.3);
  const auto holes = smoothed(series_of({1, kNaN, 6, kNaN, kNaN, kNaN, 1}), 3);
  REQUIRE(holes[1].value == 3.5);
  REQUIRE(std::isnan(holes[4].value));
  REQUIRE(smoothed(Series(), 5).empty());
  REQUIRE_THROWS_MATCHES(smoothed(series_of({1}), 2), ArgumentError,
                         Message("a series is smoothed over an odd number of samples, got 2"));
  REQUIRE_THROWS_AS(smoothed(series_of({1}), -1), ArgumentError);
}

TEST_CASE("the noise of steps is found whatever the trend", "[plane]") {
  double sum = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    std::vector<double> values;
    for (std::uint64_t i = 0; i < 60; ++i) {
      values.push_back(0.02 * normal(seed, i) + 0.05 * static_cast<double>(i) + (i < 5 ? 3 : 0));
    }
    sum += step_noise(series_of(values)) / 50;
  }
  REQUIRE(sum == Approx(0.02).epsilon(0.15));
  REQUIRE(step_noise(series_of({1, 2, 3, 4, 5})) == 0);
  REQUIRE(std::isnan(step_noise(series_of({1, 2, 3, kNaN, 5}))));
}

TEST_CASE("a trend has a slope a sample and the error of its residuals", "[plane]") {
  const auto exact = trend(series_of({1, 3, 5, 7}));
  REQUIRE(exact.value == Approx(2));
  REQUIRE(exact.noise == Approx(0).margin(1e-12));
  // Residuals ±1 around no slope: 4 values, Σx² = 5, s² = 4 / 2.
  const auto flat = trend(series_of({1, -1, -1, 1}));
  REQUIRE(flat.value == Approx(0).margin(1e-12));
  REQUIRE(flat.noise == Approx(std::sqrt(4.0 / 2 / 5)));
  REQUIRE(std::isnan(trend(series_of({1, 2})).value));
  int outside = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::vector<double> values;
    for (std::uint64_t i = 0; i < 20; ++i) {
      values.push_back(normal(seed, i));
    }
    outside += std::abs(trend(series_of(values)).evidence()) > 2.1 ? 1 : 0;  // Student's t of 18: 5 %
  }
  REQUIRE(outside >= 2);
  REQUIRE(outside <= 20);
}

TEST_CASE("evidence is change over noise, and none where noise is not known", "[plane]") {
  REQUIRE(Change{-0.5, 0.25}.evidence() == -2);
  REQUIRE(Change{0.5, kNaN}.evidence() == 0);
  REQUIRE(Change{kNaN, 1}.evidence() == 0);
  REQUIRE(Change{0.5, 0}.evidence() == 0);
}
