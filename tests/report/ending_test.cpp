#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/compare/comparison.hpp>
#include <infoplane/compare/score_correlation.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/report/report.hpp>
#include <limits>

#include "report/made_run.hpp"
#include "report/markup.hpp"

// A run whose metrics are not defined at its last point: what was there earlier is never called its end.

using Catch::Matchers::ContainsSubstring;
using infoplane::compare::compare;
using infoplane::compare::ComparisonOptions;
using infoplane::plane::Verdict;
using infoplane::report::html_report;
using infoplane::report::ReportRun;
using infoplane::report::run_summary;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr const char* kReason = "complexity cannot be told from its null";

std::string all(const ReportRun& run) { return infoplane::detail::join(run_summary(run), "\n"); }

/// A run whose key is defined up to `last` only, with the reason behind it.
ReportRun undefined_after(std::int64_t last, const std::vector<std::string>& keys) {
  samples::Made made;
  made.complexity = [](double t) { return 0.5 - 0.2 * t; };
  made.expressivity = [](double t) { return 0.1 + 0.05 * t; };
  auto run = samples::made_run(made);
  for (auto& point : run.file.points) {
    if (point.step <= last) {
      continue;
    }
    for (const auto& key : keys) {
      if (key == "loss") {
        point.loss = kNaN;
        continue;
      }
      point.mean[key] = kNaN;
      for (auto& layer : point.layers) {
        layer.metrics[key] = kNaN;
        layer.reasons[key] = kReason;
      }
    }
  }
  return run;
}

const std::vector<std::string> kRatios = {"optimality/unigram", "distance/unigram"};

}  // namespace

TEST_CASE("tiles name the step where a value last was, and why it is not at the end", "[report]") {
  const auto page = html_report({undefined_after(0, kRatios)});
  REQUIRE(samples::markup_error(page).empty());
  REQUIRE_THAT(page, ContainsSubstring("<b>not defined</b><span>optimality (plug-in) at the last point, step 1000 "
                                       "(blocks.0: complexity cannot be told from its null); 0.2000 at step 0</span>"));
  REQUIRE_THAT(page, !ContainsSubstring("optimality (plug-in) at the end"));
  REQUIRE_THAT(page, ContainsSubstring("complexity (plug-in) at the end"));  // that one is there
  const auto no_loss = html_report({undefined_after(500, {"loss"})});
  REQUIRE_THAT(no_loss, ContainsSubstring("<b>not defined</b><span>loss at the last point, step 1000, held-out (it is "
                                          "NaN there, or none was given); 3.5000 at step 500</span>"));
}

TEST_CASE("the words of a report do not call an earlier point the end", "[report]") {
  const auto ratios = all(undefined_after(0, kRatios));
  REQUIRE_THAT(ratios, ContainsSubstring("How much of what it keeps helps to predict what comes next is not defined at "
                                         "the last point, step 1000 (blocks.0: complexity cannot be told"));
  REQUIRE_THAT(ratios,
               ContainsSubstring("Optimality (expressivity / complexity) was 0.200 at step 0. It is not defined "
                                 "at the last point, step 1000 (blocks.0: complexity"));
  REQUIRE_THAT(ratios, !ContainsSubstring("it now holds") && !ContainsSubstring("The last measurement, step"));
  REQUIRE_THAT(
      all(undefined_after(500, kRatios)),
      ContainsSubstring("Optimality (expressivity / complexity) rose: 0.200 at first, 0.312 at step 500. It is "
                        "not defined at the last point, step 1000 ("));
  REQUIRE_THAT(all(undefined_after(500, {"loss"})),
               ContainsSubstring("The loss (held-out) fell: 5.00 at first, 3.50 at step 500. It is not defined at the "
                                 "last point, step 1000 (it is NaN there, or none was given)."));
  REQUIRE_THAT(
      all(undefined_after(500, {"I(X;Z)/input_unigram"})),
      ContainsSubstring("(complexity) was 0.500 at first and was 0.400 at step 500: compression from step 0 to "
                        "500") &&
          ContainsSubstring("It is not defined at the last point, step 1000 (blocks.0: complexity"));
  REQUIRE_THAT(
      all(undefined_after(500, {"I(Y;Z)/output_unigram"})),
      ContainsSubstring("(expressivity) grew: 0.100 at first, 0.125 at step 500. It is not defined at the last "
                        "point, step 1000 (") &&
          ContainsSubstring("comes next grew 1.2-fold up to step 500"));
  REQUIRE_THAT(all(undefined_after(-1, kRatios)),
               ContainsSubstring("Optimality is defined nowhere. At the last point, step 1000: blocks.0: complexity "
                                 "cannot be told from its null."));
  auto gap = undefined_after(1000, {});
  for (auto& point : gap.file.points) {
    point.mean["curve_gap/unigram"] = point.step > 500 ? kNaN : 0.05;
  }
  REQUIRE_THAT(all(gap),
               ContainsSubstring("At step 500 the layers hold 0.050 less than the most that one token alone") &&
                   ContainsSubstring("It is not defined at the last point, step 1000 (blocks.0 has no finite value)"));
}

TEST_CASE("what begins late is not called the first", "[report]") {
  auto run = undefined_after(1000, {});
  for (auto& point : run.file.points) {
    if (point.step < 200) {
      point.mean["optimality/unigram"] = point.mean["I(X;Z)/input_unigram"] = kNaN;
    }
  }
  REQUIRE_THAT(all(run),
               ContainsSubstring("Optimality (expressivity / complexity) rose: 0.239 at step 200, 0.500 at the "
                                 "end.") &&
                   ContainsSubstring("(complexity) was 0.460 at step 200 and is 0.300 at the end"));
}

TEST_CASE("runs are compared where they end, and one that is not defined there is left out with its reason",
          "[report]") {
  const auto whole = undefined_after(1000, {}).file, ended = undefined_after(0, kRatios).file;
  const auto found = compare({ended, whole});
  REQUIRE(found.ranking[0].index == 1);
  REQUIRE(found.ranking[0].verdict == Verdict::kBest);
  REQUIRE(found.ranking[1].verdict == Verdict::kUndefined);
  REQUIRE(found.runs[0].step == 1000);
  REQUIRE(std::isnan(found.runs[0].metric.value));
  REQUIRE(found.runs[0].reason == std::string("blocks.0: ") + kReason);
  REQUIRE(found.runs[0].last_defined.value().step == 0);
  REQUIRE(found.runs[0].last_defined.value().value == 0.8);
  REQUIRE(found.runs[1].reason.empty());

  const auto asked = compare({ended, whole}, ComparisonOptions().step(0));
  REQUIRE(asked.runs[0].metric.value == 0.8);
  REQUIRE_FALSE(asked.runs[0].last_defined.has_value());
  const auto best = compare({ended, whole}, ComparisonOptions().at_best(true));
  REQUIRE(best.runs[0].step == 0);  // as asked for: the best that there was
  const auto nowhere = compare({ended, whole}, ComparisonOptions().step(501));
  REQUIRE(nowhere.runs[0].step == -1);
  REQUIRE(nowhere.runs[0].reason == "it has no point of the stream \"heldout\" at step 501");
  const auto lost = compare({undefined_after(-1, kRatios).file}, ComparisonOptions().at_best(true));
  REQUIRE(lost.runs[0].reason == std::string("blocks.0: ") + kReason);
}

TEST_CASE("the best step of a comparison is not one of mere noise", "[report]") {
  auto run = undefined_after(1000, {}).file;
  for (auto& point : run.points) {
    point.mean["distance/unigram/standard_error"] = point.step == 0 ? 0.3 : 0.001;
    if (point.step == 0) {
      point.mean["distance/unigram"] = 0.4;
    }
  }
  REQUIRE(compare({run}, ComparisonOptions().at_best(true)).runs[0].step == 1000);
}

TEST_CASE("a correlation says which runs it leaves out", "[report]") {
  std::vector<infoplane::runs::RunFile> runs(5, undefined_after(1000, {}).file);
  runs[1] = undefined_after(0, kRatios).file;
  const auto found = infoplane::compare::correlate(runs, {{"mmlu", {0.1, 0.2, kNaN, 0.4, 0.5}}},
                                                   infoplane::compare::CorrelationOptions().metrics({"distance"}));
  REQUIRE(found[0].plug_in);
  REQUIRE(found[0].pearson.count == 3);
  REQUIRE(found[0].left_out.size() == 2);
  REQUIRE(found[0].left_out[0].run == 1);
  REQUIRE(found[0].left_out[0].reason ==
          "not defined at step 1000 (blocks.0: complexity cannot be told from its null)");
  REQUIRE(found[0].left_out[1].run == 2);
  REQUIRE(found[0].left_out[1].reason == "no score");
}
