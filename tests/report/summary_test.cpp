#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/report/report.hpp>
#include <limits>

#include "report/made_run.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using infoplane::report::best_step_of;
using infoplane::report::run_summary;
using samples::made_run;

namespace {

std::string all(const infoplane::report::ReportRun& run) { return infoplane::detail::join(run_summary(run), "\n"); }

samples::Made straight(double from, double to) {
  samples::Made made;
  made.complexity = [=](double t) { return from + (to - from) * t; };
  return made;
}

/// The same with noise, up and down in turn.
samples::Made noisy(double from, double to, double noise) {
  samples::Made made;
  made.complexity = [=](double t) { return from + (to - from) * t + (std::lround(20 * t) % 2 == 0 ? noise : -noise); };
  return made;
}

}  // namespace

TEST_CASE("a summary leads with the movement on the plane", "[report]") {
  REQUIRE(
      run_summary(made_run()).front() ==
      "While it trained, the model first took in more and more about the text that it read, up to step 450; from "
      "step 550 on it compressed: at step 1000 it kept 75 % less of that than at its peak, and what it knows about "
      "what "
      "comes next grew 3.0-fold. For each bit that it keeps about what it read it now holds 1.50 bit about what "
      "comes next: more than 1, the Information Bottleneck bound for what knows those tokens alone, which the model "
      "can pass because it has read the text before them, too. All these are plug-in values, which labels seen only "
      "a few times raise: the file has none that are corrected for that.");
  REQUIRE_THAT(
      all(made_run(straight(0.2, 0.4))),
      ContainsSubstring("it now holds 0.375 bit about what comes next; 1 is the Information Bottleneck bound for "
                        "what knows those tokens alone. All these are plug-in"));
  REQUIRE_THAT(all(made_run()),
               ContainsSubstring("was 0.100 at first and is 0.100 at the end: expansion from step 0 to "
                                 "450 (+0.297, 58 times its noise), then no clear change from step 450 "
                                 "to 550, then compression from step 550 to 1000 (−0.297"));
  REQUIRE_THAT(all(made_run(straight(0.2, 0.4))),
               StartsWith("While it trained, the model took in more and more about the text that it read; by step 1000 "
                          "it has not begun to compress that"));
  REQUIRE_THAT(
      all(made_run(straight(0.4, 0.2))),
      StartsWith("While it trained, the model compressed: at step 1000 it kept 50 % less about the text that it "
                 "read than at step 0") &&
          ContainsSubstring("was 0.400 at first and is 0.200 at the end: compression from step 0 to 1000"));
}

TEST_CASE("a change within its noise is no change", "[report]") {
  REQUIRE_THAT(all(made_run(noisy(0.4, 0.2, 0.002))), StartsWith("While it trained, the model compressed"));
  REQUIRE_THAT(all(made_run(noisy(0.4, 0.38, 0.02))),
               StartsWith("While it trained, what the model keeps about the text that it read changed by no more than "
                          "noise") &&
                   ContainsSubstring("without a change that stands out of its noise."));
}

TEST_CASE("a run of few measurements is not judged", "[report]") {
  auto made = straight(0.4, 0.2);
  made.points = 4;
  REQUIRE_THAT(all(made_run(made)),
               StartsWith("The run has 4 measurements so far, too few to tell how the model moves") &&
                   ContainsSubstring("phases show from 5 measurements on."));
  made.points = 1;
  REQUIRE_THAT(all(made_run(made)),
               StartsWith("The run has 1 measurement so far") && ContainsSubstring("(complexity) is 0.400."));
}

TEST_CASE("a summary says how far the layers are from the IB curve, where that is known", "[report]") {
  auto run = made_run();
  const auto with_gap = [&](double gap, double error) {
    for (auto& point : run.file.points) {
      point.mean["curve_gap/unigram"] = gap;
      point.mean["curve_gap/unigram/standard_error"] = error;
    }
    return all(run);
  };
  REQUIRE_THAT(all(run), !ContainsSubstring("IB curve"));
  REQUIRE_THAT(with_gap(0.05, 0.001), ContainsSubstring("At the end the layers hold 0.050 less than the most that one "
                                                        "token alone can tell about what comes next (the IB curve)."));
  REQUIRE_THAT(with_gap(-0.05, 0.001),
               ContainsSubstring("hold 0.050 more than the most that one token alone can tell") &&
                   ContainsSubstring("because they see the text before it too."));
  REQUIRE_THAT(with_gap(0.05, 0.04), ContainsSubstring("the gap of 0.050 is within its noise."));
}

TEST_CASE("no sentence sets a limit that layers pass", "[report]") {
  samples::Made made;  // optimality 0.5 to 1.57
  made.complexity = [](double t) { return 0.1 + 0.0 * t; };
  made.expressivity = [](double t) { return 0.05 + 0.107 * t; };
  const auto words = all(made_run(made));
  REQUIRE_THAT(words, !ContainsSubstring("limit") && !ContainsSubstring("nearest to the bound") &&
                          !ContainsSubstring("Nearest to the bound"));
  REQUIRE_THAT(words,
               ContainsSubstring("now holds 1.57 bit about what comes next: more than 1") &&
                   ContainsSubstring("The last measurement, step 1000, was the furthest beyond the bound of 1.") &&
                   ContainsSubstring("At the end blocks.0 has the highest optimality (1.57), embedding the lowest "
                                     "(0.250)."));
}

TEST_CASE("a best step that is not the nearest to the bound is told apart", "[report]") {
  auto run = made_run(straight(0.4, 0.3));
  run.best_step = 700;
  REQUIRE_THAT(all(run),
               ContainsSubstring("The last measurement, step 1000, was the nearest to the bound. Marked as best "
                                 "is step 700: the later ones were not better by as much as the rule asks for."));
}

TEST_CASE("a summary counts the streams, names layers, and says what to beware of", "[report]") {
  auto run = made_run(straight(0.4, 0.3));
  run.file.cut = true;
  run.file.resumed.resize(2);
  run.file.points[0].layers[0].rejected = 3;
  REQUIRE_THAT(all(run), ContainsSubstring("from step 0 to step 1000: 21 times on held-out text, 21 times on the "
                                           "training batches."));
  REQUIRE_THAT(all(run), ContainsSubstring("The loss (held-out) fell: 5.00 at first, 2.00 at the end."));
  REQUIRE_THAT(all(run), ContainsSubstring("At the end blocks.0 is nearest to the bound (optimality 0.500), embedding "
                                           "farthest from it (0.250)."));
  REQUIRE_THAT(all(run), ContainsSubstring("The run was resumed 2 times. The last line of its file was cut off and is "
                                           "left out. 3 activation rows held NaN, infinity or only zeros"));
  REQUIRE_THAT(all(run), ContainsSubstring("The last measurement, step 1000, was the nearest to the bound"));
}

TEST_CASE("the best step is that of the smallest finite distance, on held-out text if it has one", "[report]") {
  auto run = made_run(straight(0.4, 0.3));
  REQUIRE(best_step_of(run.file) == 1000);
  for (auto& point : run.file.points) {
    if (point.split == "heldout") {
      point.mean["distance/unigram"] = point.step == 300  ? 0.1
                                       : point.step > 700 ? std::numeric_limits<double>::quiet_NaN()
                                                          : 0.5;
    }
  }
  REQUIRE(best_step_of(run.file) == 300);
  REQUIRE_FALSE(best_step_of(run.file, "bigram").has_value());
  REQUIRE_FALSE(best_step_of({}).has_value());
}

TEST_CASE("a summary says where complexity goes with the mean direction", "[report][direction]") {
  auto run = made_run(straight(0.4, 0.2));
  REQUIRE_THAT(all(run), !ContainsSubstring("Caution"));
  for (auto& point : run.file.points) {
    point.mean["mean_direction"] = 0.3 + 0.4 * static_cast<double>(point.step) / 1000;
  }
  REQUIRE_THAT(all(run), ContainsSubstring("Caution: from step 0 to 1000 the activations came to point more one way "
                                           "(mean direction +0.400), which moves complexity the way that it went"));
  run.file.header.centre = true;
  REQUIRE_THAT(all(run), !ContainsSubstring("Caution"));
}
