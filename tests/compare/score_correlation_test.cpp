#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/compare/score_correlation.hpp>
#include <infoplane/core/error.hpp>
#include <limits>

#include "report/made_run.hpp"

using Catch::Matchers::Message;
using Catch::Matchers::WithinAbs;
using infoplane::ArgumentError;
using infoplane::compare::ComparisonOptions;
using infoplane::compare::correlate;
using infoplane::compare::CorrelationOptions;
using infoplane::runs::RunFile;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Runs that end at these complexities with an expressivity of 0.1 and a gap that is a tenth of the complexity.
std::vector<RunFile> runs_to(const std::vector<double>& complexities, bool with_gap = false) {
  std::vector<RunFile> runs;
  for (const auto last : complexities) {
    samples::Made made;
    made.complexity = [=](double t) { return 0.5 + (last - 0.5) * t; };
    made.expressivity = [](double) { return 0.1; };
    runs.push_back(samples::made_run(made).file);
    for (auto& point : runs.back().points) {
      point.mean["I(X;Z)/preference"] = 2 * last;
      if (with_gap) {
        point.mean["curve_gap/unigram"] = last / 10;
      }
    }
    if (with_gap) {
      runs.back().header.curves["unigram"] = {{0, 0}, {0.5, 0.2}};
    }
  }
  return runs;
}

}  // namespace

TEST_CASE("each metric is correlated with each score", "[compare]") {
  const auto found = correlate(runs_to({0.2, 0.25, 0.4, 0.3}),
                               {{"optimality itself", {0.5, 0.4, 0.25, 1.0 / 3}}, {"other", {1, kNaN, 2, 7}}});
  REQUIRE(found.size() == 8);
  REQUIRE(found[0].key == "I(X;Z)/input_unigram");
  REQUIRE(found[4].key == "optimality/unigram");
  REQUIRE(found[4].score == "optimality itself");
  REQUIRE_THAT(found[4].pearson.value, WithinAbs(1, 1e-12));
  REQUIRE(found[0].spearman.value == -1);
  REQUIRE(found[5].score == "other");
  REQUIRE(found[5].pearson.count == 3);
  REQUIRE(std::isnan(found[2].pearson.value));  // expressivity is the same in all
}

TEST_CASE("the gap to the curve is correlated where all runs have it against one curve", "[compare]") {
  auto runs = runs_to({0.2, 0.25, 0.4, 0.3}, true);
  const std::vector<infoplane::compare::Scores> scores = {{"score", {2, 2.5, 4, 3}}};
  const auto found = correlate(runs, scores);
  REQUIRE(found.size() == 5);
  REQUIRE(found[4].key == "curve_gap/unigram");
  REQUIRE_THAT(found[4].pearson.value, WithinAbs(1, 1e-12));
  runs[2].header.curves["unigram"].back().second = 0.3;
  REQUIRE(correlate(runs, scores).size() == 4);
  REQUIRE_THROWS_AS(correlate(runs, scores, CorrelationOptions().metrics({"curve_gap"})), ArgumentError);
}

TEST_CASE("a key of the points is correlated when asked for", "[compare]") {
  const auto found =
      correlate(runs_to({0.2, 0.25, 0.4, 0.3}), {{"score", {2, 2.5, 4, 3}}},
                CorrelationOptions().metrics({"I(X;Z)/preference", "complexity"}).points(ComparisonOptions().step(0)));
  REQUIRE(found.size() == 2);
  REQUIRE(found[0].key == "I(X;Z)/preference");
  REQUIRE_THAT(found[0].pearson.value, WithinAbs(1, 1e-12));
  REQUIRE(found[1].key == "I(X;Z)/input_unigram");
  REQUIRE(std::isnan(found[1].pearson.value));  // all are at one place at step 0
}

TEST_CASE("scores that do not fit the runs are refused", "[compare]") {
  REQUIRE_THROWS_MATCHES(correlate(runs_to({0.2, 0.3}), {{"mmlu", {1}}}), ArgumentError,
                         Message("the score \"mmlu\" has 1 values for 2 runs: give NaN where a run has none"));
  REQUIRE_THROWS_AS(correlate({}, {}), ArgumentError);
}
