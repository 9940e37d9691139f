#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <infoplane/plane/curve_gap.hpp>

// What a layer says of the whole context, of that each set's share, what goes through X, and where complexity lies.
namespace infoplane::plane {
namespace {

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using estimator::Covariance;
using estimator::Estimate;
using estimator::InformationEstimate;

const double kLog8 = std::log(8.0);

InformationEstimate set(std::string name, double plug_in, double corrected, std::int64_t tokens = 100) {
  InformationEstimate made{std::move(name), tokens, 5, 0.8 * kLog8, (0.8 - plug_in) * kLog8, plug_in * kLog8};
  made.corrected_entropy_nats = 0.82 * kLog8;
  made.chance_nats = 0.05 * kLog8;
  made.corrected_nats = corrected * kLog8;
  made.standard_error_nats = 0.01 * kLog8;
  made.context_nats = 0.6 * kLog8;
  made.corrected_context_nats = 0.62 * kLog8;
  made.context_standard_error_nats = 0.02 * kLog8;
  made.labels_kept = 5;
  return made;
}

/// Two orders on both sides; a variance of 0.0001 of each value, and a covariance of 0.00004 of each two.
Estimate estimate() {
  Estimate made{100, 0, 8, 0.8 * kLog8};
  made.sets = {set("input_unigram", 0.3, 0.25), set("input_bigram", 0.5, 0.4), set("output_unigram", 0.2, 0.12),
               set("output_bigram", 0.35, 0.18)};
  made.sequences = 6;
  made.context_nats = 0.61 * kLog8;
  made.corrected_context_nats = 0.63 * kLog8;
  made.context_standard_error_nats = 0.02 * kLog8;
  estimator::ThroughEstimate through{"input_unigram", "output_unigram", 95};
  through.complexity_nats = 0.3 * kLog8;
  through.information_nats = 0.15 * kLog8;
  through.chance_nats = 0.04 * kLog8;
  through.corrected_nats = 0.1 * kLog8;
  through.standard_error_nats = 0.01 * kLog8;
  made.through = {through};
  constexpr std::size_t kValues = 2 + 3 * 4 + 1;
  std::vector<double> values(kValues * kValues, 0.00004 * kLog8 * kLog8);
  for (std::size_t i = 0; i < kValues; ++i) {
    values[i * kValues + i] = 0.0001 * kLog8 * kLog8;
  }
  made.covariance = {kValues, values, std::vector<double>(kValues * kValues, 0.0)};
  return made;
}

/// Of a / b, with the variances above.
double error_of_ratio(double ratio, double b) {
  return std::sqrt(0.0001 - 2 * ratio * 0.00004 + ratio * ratio * 0.0001) / b;
}

}  // namespace

TEST_CASE("bounds: the context and the shares of it", "[plane][bounds]") {
  const auto point = layer_point("blocks.0", estimate());
  const auto& metrics = point.metrics;
  CHECK(metrics.at("I(X;Z)/context") == Approx(0.61));
  CHECK(metrics.at("I(X;Z)/context/corrected") == Approx(0.63));
  CHECK(metrics.at("I(X;Z)/context/standard_error") == Approx(0.02));
  CHECK_FALSE(metrics.contains("I(X;Z)/context/null"));
  CHECK(metrics.at("share/input_bigram") == Approx(0.5 / 0.6));
  CHECK(metrics.at("share/output_unigram") == Approx(0.2 / 0.6));
  CHECK(metrics.at("share/output_unigram/null") == Approx(0.05 / 0.6));
  CHECK(metrics.at("share/output_unigram/corrected") == Approx(0.12 / 0.62));
  CHECK(metrics.at("share/output_unigram/standard_error") == Approx(error_of_ratio(0.12 / 0.62, 0.62)));
}

TEST_CASE("bounds: what goes through X, and what the context adds", "[plane][bounds]") {
  const auto point = layer_point("blocks.0", estimate());
  const auto& metrics = point.metrics;
  CHECK(metrics.at("I(Y;Z)/through_unigram") == Approx(0.15));
  CHECK(metrics.at("I(Y;Z)/through_unigram/null") == Approx(0.04));
  CHECK(metrics.at("I(Y;Z)/through_unigram/corrected") == Approx(0.1));
  CHECK(metrics.at("I(Y;Z)/through_unigram/standard_error") == Approx(0.01));
  CHECK(metrics.at("I(X;Z)/paired_unigram") == Approx(0.3));
  CHECK(metrics.at("optimality_through/unigram") == Approx(0.5));
  CHECK(metrics.at("optimality_through/unigram/corrected") == Approx(0.4));
  CHECK(metrics.at("optimality_through/unigram/standard_error") == Approx(error_of_ratio(0.4, 0.25)));
  CHECK(metrics.at("I(Y;Z)/from_context_unigram") == Approx(0.05));
  CHECK(metrics.at("I(Y;Z)/from_context_unigram/null") == Approx(0.01));
  CHECK(metrics.at("I(Y;Z)/from_context_unigram/corrected") == Approx(0.02));
  CHECK(metrics.at("I(Y;Z)/from_context_unigram/standard_error") == Approx(std::sqrt(0.0002 - 0.00008)));
  CHECK_FALSE(metrics.contains("I(Y;Z)/through_bigram"));
}

TEST_CASE("bounds: increments of the orders add up to the context", "[plane][bounds]") {
  const auto metrics = layer_point("blocks.0", estimate()).metrics;
  CHECK(metrics.at("I(X;Z)/input_bigram|unigram") == Approx(0.2));
  CHECK(metrics.at("I(X;Z)/input_bigram|unigram/null") == Approx(0.0).margin(1e-12));
  CHECK(metrics.at("I(X;Z)/input_bigram|unigram/corrected") == Approx(0.15));
  CHECK(metrics.at("I(X;Z)/input_bigram|unigram/standard_error") == Approx(std::sqrt(0.0002 - 0.00008)));
  CHECK(metrics.at("I(Y;Z)/output_bigram|unigram/corrected") == Approx(0.06));
  CHECK(metrics.at("I(X;Z)/context|bigram") == Approx(0.1));
  CHECK(metrics.at("I(X;Z)/context|bigram/corrected") == Approx(0.22));
  CHECK(metrics.at("I(X;Z)/context|bigram/standard_error") == Approx(std::sqrt(0.0002 - 0.00008)));
  CHECK(metrics.at("I(X;Z)/input_unigram") + metrics.at("I(X;Z)/input_bigram|unigram") +
            metrics.at("I(X;Z)/context|bigram") ==
        Approx(0.6));
  CHECK(orders_of(metrics) == std::vector<std::string>{"bigram", "unigram"});
}

TEST_CASE("bounds: sets over other positions are not compared", "[plane][bounds]") {
  auto made = estimate();
  made.sets[2] = set("output_unigram", 0.2, 0.12, 22);  // as where few tokens are masked
  made.through[0].positions = 22;
  const auto point = layer_point("encoder.0", made);
  for (const char* const key :
       {"optimality/unigram", "distance/unigram", "optimality/unigram/corrected", "distance/unigram/null",
        "distance/unigram/standard_error", "optimality_through/unigram/corrected", "optimality_through/unigram/null",
        "I(Y;Z)/from_context_unigram", "I(Y;Z)/output_bigram|unigram"}) {
    CAPTURE(key);
    CHECK(std::isnan(point.metrics.at(key)));
  }
  CHECK_THAT(
      point.reasons.at("distance/unigram"),
      ContainsSubstring("input_unigram is over 100 positions and output_unigram over 22, which have 22 in common") &&
          ContainsSubstring("LabelOptions::same_positions(true)"));
  CHECK(std::isfinite(point.metrics.at("share/output_unigram")));  // its context is of its own positions
  CHECK(std::isfinite(point.metrics.at("I(Y;Z)/through_unigram")));
  CHECK(std::isfinite(point.metrics.at("optimality_through/unigram")));  // over the common ones
  CHECK(std::isfinite(point.metrics.at("distance/bigram")));
  const auto means = mean_over_blocks({point});
  CHECK(std::isnan(means.at("distance_of_means/unigram")));
  CHECK(std::isfinite(means.at("distance_of_means/bigram")));
  made.through[0].positions = 91;  // within a tenth
  made.sets[2] = set("output_unigram", 0.2, 0.12, 91);
  CHECK(std::isfinite(layer_point("encoder.0", made).metrics.at("distance/unigram")));
  made.through[0].positions = 60;  // as many, but others
  CHECK(std::isnan(layer_point("encoder.0", made).metrics.at("distance/unigram")));
  made.through[0].positions = -1;  // not known
  CHECK(std::isfinite(layer_point("encoder.0", made).metrics.at("distance/unigram")));
}

TEST_CASE("bounds: what is not known has a reason", "[plane][bounds]") {
  auto made = estimate();
  made.context_nats = made.corrected_context_nats = estimator::kUndefined;
  for (auto& each : made.sets) {
    each.context_nats = each.corrected_context_nats = each.context_standard_error_nats = estimator::kUndefined;
  }
  made.through[0].information_nats = made.through[0].corrected_nats = made.through[0].complexity_nats =
      made.through[0].standard_error_nats = estimator::kUndefined;
  made.through[0].reason = made.through[0].error_reason = "labels were dropped";
  const auto point = layer_point("blocks.0", made);
  for (const char* const key : {"I(X;Z)/context", "share/input_unigram", "I(X;Z)/context|bigram"}) {
    CHECK(std::isnan(point.metrics.at(key)));
    CHECK_THAT(point.reasons.at(key), ContainsSubstring("a saved state did not say"));
  }
  for (const char* const key :
       {"I(Y;Z)/through_unigram", "I(Y;Z)/from_context_unigram", "optimality_through/unigram"}) {
    CHECK(std::isnan(point.metrics.at(key)));
    CHECK(point.reasons.at(key) == "labels were dropped");
  }
  CHECK(std::isfinite(point.metrics.at("distance/unigram")));
}

TEST_CASE("bounds: the gap to the curve cannot be crossed by what goes through X", "[plane][bounds]") {
  // Where y = x, the curve is the diagonal up to log 2.
  const auto curve = bound::IbCurve::solve(bound::Joint({0, 1, 2}, {0, 1}, {1, 1}, 2));
  auto point = layer_point("blocks.0", estimate());
  add_curve_gap(point, "unigram", curve, 8);
  const auto& metrics = point.metrics;
  CHECK(metrics.at("bound_gap/unigram") == Approx(0.3 - 0.15).margin(2e-3));
  CHECK(metrics.at("efficiency/unigram") == Approx(0.5).margin(5e-3));
  CHECK(metrics.at("bound_gap/unigram/corrected") == Approx(0.25 - 0.1).margin(2e-3));
  CHECK(metrics.at("efficiency/unigram/corrected") == Approx(0.4).margin(5e-3));
  CHECK(metrics.at("bound_gap/unigram/standard_error") == Approx(std::sqrt(0.0002 - 0.00008)).margin(1e-4));
  CHECK(metrics.at("efficiency/unigram/standard_error") == Approx(error_of_ratio(0.4, 0.25)).margin(1e-3));
  CHECK(metrics.contains("curve_gap/unigram"));
  Point whole;
  whole.layers = {layer_point("blocks.0", estimate()), layer_point("blocks.1", estimate())};
  whole.mean = mean_over_blocks(whole.layers);
  add_curve_gap(whole, "unigram", curve, 8);
  CHECK(whole.mean.at("bound_gap/unigram/corrected") == Approx(0.15).margin(2e-3));
  CHECK(whole.mean.at("efficiency/unigram") == Approx(0.5).margin(5e-3));
}

}  // namespace infoplane::plane
