#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/report.hpp>
#include <limits>

#include "sinks/made_run.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using infoplane::sinks::best_step_of;
using infoplane::sinks::run_summary;
using samples::made_run;

namespace {

std::string all(const infoplane::sinks::ReportRun& run) { return infoplane::detail::join(run_summary(run), "\n"); }

samples::Made straight(double from, double to) {
  samples::Made made;
  made.complexity = [=](double t) { return from + (to - from) * t; };
  return made;
}

}  // namespace

TEST_CASE("a summary leads with the movement on the plane", "[sinks]") {
  REQUIRE(run_summary(made_run()).front() ==
          "While it trained, the model first took in more and more about the text that it read, up to step 500; then "
          "it compressed: at step 1000 it kept 75 % less of that, and what it knows about what comes next grew "
          "3.0-fold. For each bit that it keeps about what it read it now holds 1.50 bit about what comes next; the "
          "limit that theory sets is 1 (the Information Bottleneck bound).");
  REQUIRE_THAT(all(made_run(straight(0.2, 0.4))), StartsWith("While it trained, the model took in more and more") &&
                                                      ContainsSubstring("No compression has begun."));
  REQUIRE_THAT(all(made_run(straight(0.4, 0.2))), StartsWith("While it trained, the model compressed") &&
                                                      ContainsSubstring("fell from 0.400 to 0.200 (50 % less)"));
  REQUIRE_THAT(all(made_run(straight(0.4, 0.402))),
               StartsWith("While it trained, what the model keeps") && ContainsSubstring("hardly changed: 0.402."));
}

TEST_CASE("a change within its noise is no change", "[sinks]") {
  auto made = straight(0.4, 0.35);
  REQUIRE_THAT(all(made_run(made)), StartsWith("While it trained, the model compressed"));
  made.error = 0.02;  // the difference is 1.8 of its standard errors
  REQUIRE_THAT(all(made_run(made)), StartsWith("While it trained, what the model keeps about the text that it read "
                                               "hardly changed"));
}

TEST_CASE("a summary counts the streams, names layers, and says what to beware of", "[sinks]") {
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

TEST_CASE("the best step is that of the smallest finite distance, on held-out text if it has one", "[sinks]") {
  auto run = made_run(straight(0.4, 0.3));
  REQUIRE(best_step_of(run.file) == 1000);
  for (auto& point : run.file.points) {
    if (point.stream == "heldout") {
      point.mean["distance/unigram"] = point.step == 300  ? 0.1
                                       : point.step > 700 ? std::numeric_limits<double>::quiet_NaN()
                                                          : 0.5;
    }
  }
  REQUIRE(best_step_of(run.file) == 300);
  REQUIRE_FALSE(best_step_of(run.file, "bigram").has_value());
  REQUIRE_FALSE(best_step_of({}).has_value());
}
