#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <limits>

using Catch::Matchers::Message;
using Catch::Matchers::WithinAbs;
using namespace infoplane::plane;
using infoplane::estimator::Estimate;
using infoplane::estimator::InformationEstimate;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();
const double kLog8 = std::log(8.0);

/// A set with 8 anchors whose efficiencies are given.
InformationEstimate set(std::string name, double information, double entropy, std::int64_t tokens = 100) {
  return {std::move(name), tokens, 5, entropy * kLog8, (entropy - information) * kLog8, information * kLog8};
}

Estimate estimate(std::vector<InformationEstimate> sets) { return {120, 3, 8, 0.9 * kLog8, std::move(sets)}; }

/// Number of plug-in values that the reference has; for others see bounds_test.cpp.
std::ptrdiff_t plain(const Metrics& metrics) {
  return std::count_if(metrics.begin(), metrics.end(), [](const auto& metric) {
    const std::string& key = metric.first;
    return !key.ends_with("/null") && !key.ends_with("/corrected") && !key.ends_with("/standard_error") &&
           !key.starts_with("tokens/") && !key.starts_with("labels/") && !key.starts_with("share") &&
           key != "I(X;Z)/context" && key.find('|') == std::string::npos;
  });
}

}  // namespace

TEST_CASE("a layer's estimate becomes the reference's keys as efficiencies", "[plane]") {
  const auto point = layer_point("blocks.0", estimate({set("input_unigram", 0.4, 0.8), set("output_unigram", 0.1, 0.7),
                                                       set("input_bigram", 0.5, 0.75), set("output_bigram", 0.6, 0.7),
                                                       set("preference", 0.2, 0.5)}));
  REQUIRE(point.name == "blocks.0");
  REQUIRE(point.tokens == 120);
  REQUIRE(point.rejected == 3);
  REQUIRE(point.sequences == 0);  // of an estimate that does not tell
  const Metrics expected = {
      {"H(Z)", 0.9},
      {"I(X;Z)/input_unigram", 0.4},
      {"I(Y;Z)/output_unigram", 0.1},
      {"I(X;Z)/input_bigram", 0.5},
      {"I(Y;Z)/output_bigram", 0.6},
      {"I(X;Z)/preference", 0.2},
      {"regularity/input_unigram", 0.5},  // 0.4 / 0.8: H(Z) of the set's own positions, not 0.9
      {"regularity/input_bigram", 2.0 / 3.0},
      {"regularity/preference", 0.4},
      {"optimality/unigram", 0.25},
      {"distance/unigram", 0.75},
      {"optimality/bigram", 1.2},  // above the diagonal: reported as it is
      {"distance/bigram", -0.2},
  };
  REQUIRE(plain(point.metrics) == static_cast<std::ptrdiff_t>(expected.size()));
  for (const auto& [key, value] : expected) {
    CAPTURE(key);
    REQUIRE(point.metrics.contains(key));
    REQUIRE_THAT(point.metrics.at(key), WithinAbs(value, 1e-14));
  }
}

TEST_CASE("an order with one side has no optimality", "[plane]") {
  const auto point = layer_point("z", estimate({set("input_unigram", 0.4, 0.8), set("output_bigram", 0.1, 0.8)}));
  REQUIRE(plain(point.metrics) == 4);
  REQUIRE(point.metrics.contains("regularity/input_unigram"));
  REQUIRE(plain(layer_point("z", estimate({})).metrics) == 1);
}

TEST_CASE("ratios are NaN where complexity cannot be told from 0", "[plane]") {
  struct Row {
    double complexity, expressivity;
    bool defined;
  };
  for (const auto& row : {Row{0.0, 0.1, false}, Row{-1e-9, 0.1, false}, Row{-0.2, 0.1, false}, Row{0.9e-6, 0.1, false},
                          Row{1.1e-6, 0.1, true}, Row{0.3, 0.0, true}, Row{0.3, -0.1, true}, Row{kNaN, 0.1, false},
                          Row{0.3, kNaN, false}}) {
    CAPTURE(row.complexity, row.expressivity);
    const auto metrics =
        layer_point("z",
                    estimate({set("input_unigram", row.complexity, 0.8), set("output_unigram", row.expressivity, 0.8)}))
            .metrics;
    REQUIRE(std::isnan(metrics.at("optimality/unigram")) == !row.defined);
    REQUIRE(std::isnan(metrics.at("distance/unigram")) == !row.defined);
    REQUIRE(std::isnan(metrics.at("I(X;Z)/input_unigram")) == std::isnan(row.complexity));
  }
}

TEST_CASE("regularity is NaN for a representation without entropy", "[plane]") {
  const auto metrics = layer_point("z", estimate({set("input_unigram", 0.0, 0.0)})).metrics;
  REQUIRE(std::isnan(metrics.at("regularity/input_unigram")));
  REQUIRE(metrics.at("I(X;Z)/input_unigram") == 0);
}

TEST_CASE("an estimate over no tokens is NaN under every key", "[plane]") {
  auto empty = estimate({set("input_unigram", 0, 0, 0), set("output_unigram", 0, 0, 0)});
  empty.tokens = 0;
  empty.entropy_nats = 0;
  const auto point = layer_point("z", empty);
  REQUIRE(point.tokens == 0);
  REQUIRE(plain(point.metrics) == 6);
  for (const auto& [key, value] : point.metrics) {
    CAPTURE(key);
    if (key.starts_with("tokens/")) {
      REQUIRE(value == 0);
    } else if (!key.starts_with("labels/")) {
      REQUIRE(std::isnan(value));
    }
  }
}

TEST_CASE("an impossible estimate is refused", "[plane]") {
  auto one = estimate({});
  one.anchors = 1;
  REQUIRE_THROWS_MATCHES(layer_point("blocks.2", one), infoplane::ArgumentError,
                         Message("layer \"blocks.2\" was estimated with 1 anchors: efficiencies need at least 2"));
  REQUIRE_THROWS_MATCHES(
      layer_point("blocks.2", estimate({set("a", 0.1, 0.5), set("a", 0.2, 0.5)})), infoplane::ArgumentError,
      Message("layer \"blocks.2\" has two estimates for the label set \"a\": give each set its own name"));
}

TEST_CASE("the mean direction and the anchors in use stand as they are", "[plane][direction]") {
  auto of_layer = estimate({set("input_unigram", 0.4, 0.8)});
  REQUIRE_FALSE(layer_point("blocks.0", of_layer).metrics.contains("mean_direction"));
  of_layer.mean_direction = 0.625;
  of_layer.corrected_entropy_nats = 0.95 * kLog8;
  of_layer.entropy_standard_error_nats = 0.01;
  const auto metrics = layer_point("blocks.0", of_layer).metrics;
  REQUIRE(metrics.at("mean_direction") == 0.625);
  REQUIRE_THAT(metrics.at("anchors_in_use"), WithinAbs(std::pow(8, 0.9), 1e-12));
  REQUIRE_THAT(metrics.at("anchors_in_use/corrected"), WithinAbs(std::pow(8, 0.95), 1e-12));
  REQUIRE_THAT(metrics.at("anchors_in_use/standard_error"), WithinAbs(0.01 * std::pow(8, 0.95), 1e-12));
  const auto mean = mean_over_blocks({layer_point("blocks.0", of_layer), layer_point("blocks.1", of_layer)});
  REQUIRE(mean.at("mean_direction") == 0.625);
}
