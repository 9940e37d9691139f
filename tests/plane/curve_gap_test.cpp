#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/curve_gap.hpp>
#include <limits>

using Catch::Approx;
using infoplane::bound::IbCurve;
using infoplane::bound::Joint;
using infoplane::plane::add_curve_gap;
using infoplane::plane::LayerPoint;
using infoplane::plane::Point;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Where the curve is the diagonal up to log 2: a gap is complexity − expressivity.
IbCurve diagonal() { return IbCurve::solve(Joint({0, 1, 2}, {0, 1}, {1, 1}, 2)); }

LayerPoint layer(const char* name, double x, double y) {
  return {name, 10, 0, {{"I(X;Z)/input_unigram", x}, {"I(Y;Z)/output_unigram", y}}, {}};
}

}  // namespace

TEST_CASE("the gap to the curve, in efficiencies", "[plane]") {
  auto one = layer("blocks.0", 0.1, 0.04);
  add_curve_gap(one, "unigram", diagonal(), 100);
  REQUIRE(one.metrics.at("curve_gap/unigram") == Approx(0.06));
  REQUIRE(one.metrics.count("curve_gap/unigram/corrected") == 0);
  auto above = layer("blocks.0", 0.05, 0.08);
  add_curve_gap(above, "unigram", diagonal(), 100);
  REQUIRE(above.metrics.at("curve_gap/unigram") == Approx(-0.03));
  auto beyond = layer("blocks.0", 0.9, 0.1);
  add_curve_gap(beyond, "unigram", diagonal(), 100);
  REQUIRE(beyond.metrics.at("curve_gap/unigram") == Approx(std::log(2) / std::log(100) - 0.1));
  auto other = layer("blocks.0", 0.1, 0.04);
  add_curve_gap(other, "bigram", diagonal(), 100);
  REQUIRE(other.metrics.size() == 2);
  REQUIRE_THROWS_AS(add_curve_gap(one, "unigram", diagonal(), 1), infoplane::ArgumentError);
}

TEST_CASE("the corrected gap has an error, and is undefined where the distance is", "[plane]") {
  auto one = layer("blocks.0", 0.1, 0.04);
  one.metrics.insert({{"I(X;Z)/input_unigram/corrected", 0.08},
                      {"I(Y;Z)/output_unigram/corrected", 0.03},
                      {"I(X;Z)/input_unigram/standard_error", 0.003},
                      {"I(Y;Z)/output_unigram/standard_error", 0.004},
                      {"I(X;Z)/input_unigram/null", 0.02},
                      {"I(Y;Z)/output_unigram/null", 0.015},
                      {"distance/unigram/corrected", 0.6}});
  auto undefined = one;
  add_curve_gap(one, "unigram", diagonal(), 100);
  REQUIRE(one.metrics.at("curve_gap/unigram/corrected") == Approx(0.05));
  REQUIRE(one.metrics.at("curve_gap/unigram/null") == Approx(0.005));
  REQUIRE(one.metrics.at("curve_gap/unigram/standard_error") == Approx(0.007));  // the errors may add up
  undefined.metrics["distance/unigram/corrected"] = kNaN;
  undefined.reasons = {{"distance/unigram/corrected", "too near"}};
  add_curve_gap(undefined, "unigram", diagonal(), 100);
  REQUIRE(std::isnan(undefined.metrics.at("curve_gap/unigram/corrected")));
  REQUIRE(std::isnan(undefined.metrics.at("curve_gap/unigram/standard_error")));
  REQUIRE(undefined.metrics.at("curve_gap/unigram") == Approx(0.06));
  REQUIRE(undefined.reasons.at("curve_gap/unigram/corrected") == "too near");
  REQUIRE(one.reasons.empty());
}

TEST_CASE("errors of complexity and expressivity that move together leave the gap less noise", "[plane]") {
  const double x = 0.08, y = 0.03, error_x = 0.003, error_y = 0.004;
  const double covariance = 0.5 * error_x * error_y;
  const double ratio = y / x;
  const double error_ratio =
      std::sqrt(error_y * error_y - 2 * ratio * covariance + ratio * ratio * error_x * error_x) / x;
  auto one = layer("blocks.0", 0.1, 0.04);
  one.metrics.insert({{"I(X;Z)/input_unigram/corrected", x},
                      {"I(Y;Z)/output_unigram/corrected", y},
                      {"I(X;Z)/input_unigram/standard_error", error_x},
                      {"I(Y;Z)/output_unigram/standard_error", error_y},
                      {"optimality/unigram/corrected", ratio},
                      {"optimality/unigram/standard_error", error_ratio},
                      {"distance/unigram/corrected", 1 - ratio}});
  auto flat = one;
  add_curve_gap(one, "unigram", diagonal(), 100);  // slope 1
  REQUIRE(one.metrics.at("curve_gap/unigram/standard_error") ==
          Approx(std::sqrt(error_y * error_y - 2 * covariance + error_x * error_x)));
  flat.metrics["I(X;Z)/input_unigram/corrected"] = 0.9;  // beyond the curve's end, where only expressivity counts
  add_curve_gap(flat, "unigram", diagonal(), 100);
  REQUIRE(flat.metrics.at("curve_gap/unigram/standard_error") == Approx(error_y));
}

TEST_CASE("a point's gap is the mean over its blocks", "[plane]") {
  Point point;
  point.mean = {{"H(Z)", 0.5}};
  point.layers = {layer("embedding", 0.14, 0.01), layer("blocks.0", 0.1, 0.04), layer("blocks.1", 0.08, 0.06)};
  for (auto& each : point.layers) {
    each.metrics.insert({{"I(X;Z)/input_unigram/null", 0.02}, {"I(Y;Z)/output_unigram/null", 0.01}});
  }
  add_curve_gap(point, "unigram", diagonal(), 100);
  REQUIRE(point.layers[0].metrics.count("curve_gap/unigram") == 1);
  REQUIRE(point.mean.at("curve_gap/unigram") == Approx(0.04));
  REQUIRE(point.mean.at("H(Z)") == 0.5);
  REQUIRE(point.mean.at("curve_gap/unigram/null") == Approx(0.01));
  REQUIRE(point.mean.size() == 3);
}
