#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/plane/coordinates.hpp>
#include <limits>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using namespace infoplane::plane;
using infoplane::estimator::Covariance;
using infoplane::estimator::Estimate;
using infoplane::estimator::InformationEstimate;

namespace {

const double kLog8 = std::log(8.0);

InformationEstimate set(std::string name, double corrected, double error, double null) {
  InformationEstimate made{std::move(name), 100, 5, 0.8 * kLog8, 0.3 * kLog8, 0.5 * kLog8};
  made.corrected_entropy_nats = 0.82 * kLog8;
  made.chance_nats = null * kLog8;
  made.corrected_nats = corrected * kLog8;
  made.standard_error_nats = error * kLog8;
  made.share_1 = 0.25;
  made.share_4 = 0.5;
  made.share_32 = 0.125;
  made.context_nats = 0.7 * kLog8;
  made.corrected_context_nats = 0.72 * kLog8;
  made.context_standard_error_nats = 0.01 * kLog8;
  return made;
}

/// Complexity 0.4 ± 0.03 and expressivity 0.1 ± 0.02 with a covariance of 0.0003; H(Z) of a set varies by 0.01 on its
/// own.
Estimate estimate() {
  Estimate made{120, 3, 8, 0.9 * kLog8, {set("input_unigram", 0.4, 0.03, 0.2), set("output_unigram", 0.1, 0.02, 0.15)}};
  made.sequences = 6;
  made.context_nats = 0.7 * kLog8;
  made.corrected_context_nats = 0.72 * kLog8;
  made.context_standard_error_nats = 0.01 * kLog8;
  made.corrected_entropy_nats = 0.91 * kLog8;
  made.entropy_standard_error_nats = 0.005 * kLog8;
  std::vector<double> values(64, 0.0);
  const auto put = [&](std::size_t i, std::size_t j, double efficiency) {
    values[i * 8 + j] = values[j * 8 + i] = efficiency * kLog8 * kLog8;
  };
  put(0, 0, 0.000025);
  put(Covariance::entropy_of(0), Covariance::entropy_of(0), 0.0001);
  put(Covariance::information_of(0), Covariance::information_of(0), 0.0009);
  put(Covariance::information_of(1), Covariance::information_of(1), 0.0004);
  put(Covariance::information_of(0), Covariance::information_of(1), 0.0003);
  made.covariance = {8, values, std::vector<double>(64, 0.0)};
  return made;
}

}  // namespace

TEST_CASE("statistics stand beside the plug-in values", "[plane][statistics]") {
  const auto point = layer_point("blocks.0", estimate());
  const double optimality = 0.25;
  const double of_optimality = std::sqrt(0.0004 - 2 * optimality * 0.0003 + optimality * optimality * 0.0009) / 0.4;
  const double regularity = 0.4 / 0.82;
  const double of_regularity = std::sqrt(0.0009 + regularity * regularity * 0.0001) / 0.82;
  const Metrics expected = {
      {"H(Z)/corrected", 0.91},
      {"H(Z)/standard_error", 0.005},
      {"I(X;Z)/input_unigram", 0.5},
      {"I(X;Z)/input_unigram/null", 0.2},
      {"I(X;Z)/input_unigram/corrected", 0.4},
      {"I(X;Z)/input_unigram/standard_error", 0.03},
      {"I(Y;Z)/output_unigram/null", 0.15},
      {"I(Y;Z)/output_unigram/corrected", 0.1},
      {"I(Y;Z)/output_unigram/standard_error", 0.02},
      {"regularity/input_unigram/null", 0.25},
      {"regularity/input_unigram/corrected", regularity},
      {"regularity/input_unigram/standard_error", of_regularity},
      {"optimality/unigram", 1},
      {"optimality/unigram/null", 0.75},
      {"optimality/unigram/corrected", optimality},
      {"optimality/unigram/standard_error", of_optimality},
      {"distance/unigram/null", 0.25},
      {"distance/unigram/corrected", 0.75},
      {"distance/unigram/standard_error", of_optimality},
      {"tokens/input_unigram", 100},
      {"labels/output_unigram", 5},
      {"share_1/input_unigram", 0.25},
      {"share_4/input_unigram", 0.5},
      {"share_32/output_unigram", 0.125},
  };
  for (const auto& [key, value] : expected) {
    CAPTURE(key);
    REQUIRE(point.metrics.contains(key));
    REQUIRE_THAT(point.metrics.at(key), WithinAbs(value, 1e-12));
  }
  REQUIRE(point.reasons.empty());
}

TEST_CASE("tokens of one sequence raise an error and never lower it", "[plane][statistics]") {
  const std::vector<double> tokens = {4};
  const std::pair<std::size_t, double> alone(0, 1.0);
  REQUIRE(Covariance(1, tokens, {5}).variance(std::span(&alone, 1)) == 9);
  REQUIRE(Covariance(1, tokens, {-3}).variance(std::span(&alone, 1)) == 4);
  REQUIRE(std::isnan(Covariance().variance(std::span(&alone, 1))));
}

TEST_CASE("a NaN has its reason", "[plane][statistics]") {
  struct Row {
    const char* what;
    const char* key;
    const char* reason;
    void (*change)(Estimate&);
  };
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  for (const auto& row : {
           Row{"rare labels", "I(X;Z)/input_unigram/corrected", "seen at least 4 times",
               [](Estimate& e) {
                 e.sets[0].corrected_nats = e.sets[0].standard_error_nats = kNone;
                 e.sets[0].reason = e.sets[0].error_reason = "only 3 % were seen at least 4 times";
               }},
           Row{"rare labels, error", "I(X;Z)/input_unigram/standard_error", "seen at least 4 times",
               [](Estimate& e) {
                 e.sets[0].corrected_nats = e.sets[0].standard_error_nats = kNone;
                 e.sets[0].reason = e.sets[0].error_reason = "only 3 % were seen at least 4 times";
               }},
           Row{"rare labels, optimality", "distance/unigram/corrected", "no corrected complexity: only",
               [](Estimate& e) {
                 e.sets[0].corrected_nats = kNone;
                 e.sets[0].reason = "only 3 %";
               }},
           Row{"rare labels, regularity", "regularity/input_unigram/standard_error", "only 3 %",
               [](Estimate& e) {
                 e.sets[0].corrected_nats = kNone;
                 e.sets[0].reason = "only 3 %";
               }},
           Row{"rare outputs", "optimality/unigram/standard_error", "no corrected expressivity: only",
               [](Estimate& e) {
                 e.sets[1].corrected_nats = kNone;
                 e.sets[1].reason = "only 3 %";
               }},
           Row{"one sequence", "I(Y;Z)/output_unigram/standard_error", "at least 2 sequences",
               [](Estimate& e) {
                 e.sets[1].standard_error_nats = kNone;
                 e.sets[1].error_reason = "it needs at least 2 sequences, got 1";
               }},
           Row{"one sequence, H(Z)", "H(Z)/standard_error", "at least 2 sequences, got 6",
               [](Estimate& e) { e.entropy_standard_error_nats = kNone; }},
           Row{"noise not known", "optimality/unigram/corrected", "the noise of complexity is not known: it needs",
               [](Estimate& e) {
                 e.sets[0].standard_error_nats = kNone;
                 e.sets[0].error_reason = "it needs at least 2 sequences, got 1";
               }},
           Row{"complexity in its noise", "optimality/unigram/corrected",
               "cannot be told from its null: 0.05 with a standard error of 0.03; 2 standard errors are needed",
               [](Estimate& e) { e.sets[0].corrected_nats = 0.05 * kLog8; }},
           Row{"complexity below 0", "distance/unigram/standard_error", "cannot be told from its null",
               [](Estimate& e) { e.sets[0].corrected_nats = -0.5 * kLog8; }},
           Row{"nothing to shuffle", "optimality/unigram/null", "null of its denominator",
               [](Estimate& e) { e.sets[0].chance_nats = 0; }},
           Row{"no H(Z)", "regularity/input_unigram/corrected", "H(Z) cannot be told from 0",
               [](Estimate& e) { e.sets[0].corrected_entropy_nats = 0; }},
           Row{"no labels", "I(X;Z)/input_unigram", "no token has a label",
               [](Estimate& e) {
                 e.sets[0].tokens = 0;
                 e.sets[0].share_1 = kNone;
               }},
           Row{"no labels, share", "share_1/input_unigram", "no token has a label",
               [](Estimate& e) {
                 e.sets[0].tokens = 0;
                 e.sets[0].share_1 = kNone;
               }},
           Row{"no tokens", "H(Z)/corrected", "no token counted",
               [](Estimate& e) {
                 e.tokens = 0;
                 e.corrected_entropy_nats = kNone;
               }},
       }) {
    CAPTURE(row.what, row.key);
    auto changed = estimate();
    row.change(changed);
    const auto point = layer_point("z", changed);
    REQUIRE(point.metrics.contains(row.key));
    CHECK(std::isnan(point.metrics.at(row.key)));
    REQUIRE(point.reasons.contains(row.key));
    CHECK_THAT(point.reasons.at(row.key), ContainsSubstring(row.reason));
    CHECK(point.metrics.at("I(Y;Z)/output_unigram") == 0.5);  // plug-in values go on
  }
}

TEST_CASE("means of statistics, and ratios of means with a bound of their error", "[plane][statistics]") {
  auto first = layer_point("blocks.0", estimate());
  auto second = first;
  second.name = "blocks.1";
  auto embedding = first;
  embedding.name = "embedding";
  embedding.metrics["I(X;Z)/input_unigram/corrected"] = 0.9;
  const auto means = mean_over_blocks({embedding, first, second});
  for (const auto* const statistic : {"", "/null", "/corrected", "/standard_error"}) {
    CAPTURE(statistic);
    for (const std::string quantity : {"optimality", "distance"}) {
      const double of_layer = first.metrics.at(quantity + "/unigram" + statistic);
      // Alike layers are alike in their mean: errors are taken as fully dependent.
      CHECK_THAT(means.at(quantity + "/unigram" + statistic), WithinAbs(of_layer, 1e-12));
      CHECK_THAT(means.at(quantity + "_of_means/unigram" + statistic), WithinAbs(of_layer, 1e-12));
    }
  }
  CHECK_THAT(means.at("share_4/input_unigram"), WithinAbs(0.5, 1e-15));
  CHECK(!means.contains("optimality/unigram/null/null"));

  // In one block complexity is in its noise, on average it isn't: the ratio of means is defined.
  auto noisy = estimate();
  noisy.sets[0].corrected_nats = 0.05 * kLog8;
  const auto mixed = mean_over_blocks({first, layer_point("blocks.1", noisy)});
  CHECK(std::isnan(mixed.at("optimality/unigram/corrected")));
  CHECK_THAT(mixed.at("optimality_of_means/unigram/corrected"), WithinAbs(0.1 / 0.225, 1e-12));
  CHECK(mixed.at("optimality_of_means/unigram/standard_error") > 0.02 / 0.225);
  const auto noise = mean_over_blocks({layer_point("blocks.0", noisy), layer_point("blocks.1", noisy)});
  CHECK(std::isnan(noise.at("optimality_of_means/unigram/corrected")));
  CHECK(std::isnan(noise.at("distance_of_means/unigram/standard_error")));
}
