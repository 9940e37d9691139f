#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/compare/comparison.hpp>
#include <infoplane/core/error.hpp>

#include "report/made_run.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::ArgumentError;
using infoplane::compare::compare;
using infoplane::compare::comparison_obstacles;
using infoplane::compare::ComparisonOptions;
using infoplane::plane::Verdict;
using infoplane::runs::RunFile;

namespace {

/// Optimality rises to 0.1 / last; distance is best at the end unless the run turns.
RunFile run_to(const char* name, double last, double error = 0.01, bool turns = false) {
  samples::Made made;
  made.complexity = [=](double t) { return 0.5 + (last - 0.5) * (turns && t > 0.5 ? 1.5 - t : t); };
  made.expressivity = [](double) { return 0.1; };
  made.error = error;
  auto run = samples::made_run(made).file;
  run.header.run = name;
  return run;
}

}  // namespace

TEST_CASE("runs are ranked by distance with their noise", "[compare]") {
  const auto result = compare({run_to("far", 0.4), run_to("near", 0.2), run_to("also near", 0.202)});
  REQUIRE(result.key == "distance/unigram");
  REQUIRE(result.split == "heldout");
  REQUIRE(result.ranking[0].index == 1);
  REQUIRE(result.ranking[1].index == 2);
  REQUIRE(result.ranking[1].verdict == Verdict::kTied);
  REQUIRE(result.ranking[2].verdict == Verdict::kWorse);
  REQUIRE(result.runs[1].step == 1000);
  REQUIRE(result.runs[1].metric.value == 0.5);
  REQUIRE(result.runs[1].metric.standard_error == 0.01);
  REQUIRE(result.runs[1].complexity == 0.2);
  REQUIRE(result.runs[1].loss == 2);
}

TEST_CASE("the step that is compared can be chosen, and large is good where it is", "[compare]") {
  const std::vector<RunFile> runs = {run_to("a", 0.3), run_to("turns", 0.25, 0.01, true)};
  REQUIRE(compare(runs).ranking[0].index == 0);
  const auto best = compare(runs, ComparisonOptions().at_best(true));
  REQUIRE(best.runs[0].step == 1000);
  REQUIRE(best.runs[1].step == 550);
  const auto early = compare(runs, ComparisonOptions().step(500).split("train").metric("optimality"));
  REQUIRE(early.ranking[0].index == 1);
  REQUIRE(early.split == "train");
  REQUIRE(early.runs[0].step == 500);
  const auto nowhere = compare(runs, ComparisonOptions().step(501));
  REQUIRE(nowhere.runs[0].step == -1);
  REQUIRE(nowhere.ranking[0].verdict == Verdict::kUndefined);
}

TEST_CASE("corrected values are compared only where all runs have them", "[compare]") {
  std::vector<RunFile> runs = {run_to("a", 0.3), run_to("b", 0.25)};
  for (auto& point : runs[0].points) {
    point.mean["distance/unigram/corrected"] = 0.9;
  }
  REQUIRE(compare(runs).key == "distance/unigram");
  for (auto& point : runs[1].points) {
    point.mean["distance/unigram/corrected"] = 0.91;
    point.mean["curve_gap/unigram"] = 0.1;
  }
  REQUIRE(compare(runs).key == "distance/unigram/corrected");
  REQUIRE(compare(runs).ranking[0].index == 0);
  REQUIRE(compare({runs[1]}, ComparisonOptions().metric("curve_gap")).runs[0].metric.value == 0.1);
}

TEST_CASE("few sequences make a difference less sure", "[compare]") {
  auto near = run_to("near", 0.2), far = run_to("far", 0.2);
  for (auto& point : far.points) {
    point.mean["distance/unigram"] = 0.53;  // of 0.5 ± 0.01
  }
  const auto verdict = [&](std::int64_t sequences) {
    for (auto* run : {&near, &far}) {
      for (auto& point : run->points) {
        point.layers[1].sequences = sequences;
      }
    }
    return compare({near, far}).ranking[1].verdict;
  };
  REQUIRE(verdict(0) == Verdict::kWorse);  // unknown, as in older files
  REQUIRE(verdict(1000) == Verdict::kWorse);
  REQUIRE(verdict(4) == Verdict::kTied);  // p = 0.078 of t with 3 + 3 degrees of freedom
}

TEST_CASE("runs that were measured otherwise are refused with the fields", "[compare]") {
  auto other = run_to("other", 0.3), third = run_to("third", 0.3);
  other.header.anchors = 50;
  other.header.anchor_hash = "00";
  other.header.width = 32;
  other.header.temperature = 0.5;
  third.header.label_sets = {"input_unigram"};
  REQUIRE(comparison_obstacles({run_to("a", 0.3), other, third}, {"a", "b", "c"}).size() == 2);
  for (const auto* field : {"m (100 and 50)", "d (64 and 32)", "other: "}) {
    REQUIRE_THROWS_MATCHES(compare({run_to("a", 0.3), other}), ArgumentError, MessageMatches(ContainsSubstring(field)));
  }
  REQUIRE_THROWS_MATCHES(compare({run_to("a", 0.3), third}), ArgumentError,
                         Message("the runs cannot be compared with a: third: label sets (input_unigram, output_unigram "
                                 "and input_unigram)"));
  auto shuffled = run_to("b", 0.3);
  std::swap(shuffled.header.label_sets[0], shuffled.header.label_sets[1]);
  REQUIRE(comparison_obstacles({run_to("a", 0.3), shuffled}, {"a", "b"}).empty());
}

TEST_CASE("gaps to different curves are refused, and nothing else is for them", "[compare]") {
  const auto with_curve = [](const char* name, double top) {
    auto run = run_to(name, 0.3);
    for (auto& point : run.points) {
      point.mean["curve_gap/unigram"] = 0.1;
    }
    if (top > 0) {
      run.header.curves["unigram"] = {{0, 0}, {0.5, top}};
    }
    return run;
  };
  const auto gap = ComparisonOptions().metric("curve_gap");
  REQUIRE(compare({with_curve("a", 0.2), with_curve("b", 0.2)}, gap).key == "curve_gap/unigram");
  const std::vector<RunFile> runs = {with_curve("a", 0.2), with_curve("b", 0.25)};
  REQUIRE_THROWS_MATCHES(compare(runs, gap), ArgumentError,
                         Message("the runs cannot be compared with a: b: IB curve of unigrams (up to 0.2 at 0.5 and up "
                                 "to 0.25 at 0.5)"));
  REQUIRE_THROWS_AS(compare(runs, ComparisonOptions().metric("curve_gap/unigram")), ArgumentError);
  REQUIRE_THROWS_MATCHES(compare({with_curve("a", 0.2), with_curve("b", 0)}, gap), ArgumentError,
                         MessageMatches(ContainsSubstring("(up to 0.2 at 0.5 and unknown)")));
  REQUIRE(compare(runs).key == "distance/unigram");
  REQUIRE(comparison_obstacles(runs, {"a", "b"}).empty());
}

TEST_CASE("any key of the points can be compared", "[compare]") {
  std::vector<RunFile> runs = {run_to("a", 0.3), run_to("b", 0.25)};
  double value = 0.1;
  for (auto& run : runs) {
    for (auto& point : run.points) {
      point.mean["I(X;Z)/preference"] = 5 - value;
      point.mean["I(X;Z)/preference/corrected"] = value;
      point.mean["I(X;Z)/preference/standard_error"] = 0.01;
    }
    value += 0.2;
  }
  const auto result = compare(runs, ComparisonOptions().metric("I(X;Z)/preference"));
  REQUIRE(result.key == "I(X;Z)/preference/corrected");
  REQUIRE(result.ranking[0].index == 1);
  REQUIRE(result.ranking[1].verdict == Verdict::kWorse);
  REQUIRE(result.runs[1].metric.standard_error == 0.01);
  REQUIRE(compare(runs, ComparisonOptions().metric("I(X;Z)/preference/corrected")).runs[0].metric.standard_error ==
          0.01);
  for (auto& point : runs[1].points) {
    point.mean.erase("I(X;Z)/preference");
    point.mean.erase("I(X;Z)/preference/corrected");
  }
  REQUIRE_THROWS_MATCHES(compare(runs, ComparisonOptions().metric("I(X;Z)/preference")), ArgumentError,
                         MessageMatches(ContainsSubstring("run 2 (b) has no I(X;Z)/preference on the stream")));
}

TEST_CASE("what cannot be compared is an error that says what there is", "[compare]") {
  REQUIRE_THROWS_MATCHES(compare({}), ArgumentError,
                         Message("a comparison was asked for without a run: give at least one"));
  REQUIRE_THROWS_MATCHES(compare({run_to("a", 0.3)}, ComparisonOptions().order("bigram")), ArgumentError,
                         Message("run 1 (a) has no distance/bigram on the stream \"heldout\"; its orders are unigram, "
                                 "its streams heldout, train"));
  REQUIRE_THROWS_MATCHES(compare({run_to("a", 0.3)}, ComparisonOptions().metric("loss")), ArgumentError,
                         MessageMatches(ContainsSubstring("there is no metric \"loss\"")));
}
