#include "estimator/statistics/plausible.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>

using Catch::Matchers::ContainsSubstring;
using infoplane::estimator::Estimate;
using infoplane::estimator::InformationEstimate;
using infoplane::estimator::reject_implausible;
using infoplane::estimator::ThroughEstimate;

namespace {

/// Values as efficiencies of 100 anchors; the layer holds 0.3.
InformationEstimate checked(double plug_in, double corrected, double error) {
  const double unit = std::log(100.0);
  Estimate estimate;
  estimate.anchors = 100;
  InformationEstimate set;
  set.name = "input_unigram";
  set.information_nats = plug_in * unit;
  set.corrected_nats = corrected * unit;
  set.standard_error_nats = error * unit;
  set.corrected_context_nats = 0.3 * unit;
  estimate.sets.push_back(set);
  reject_implausible(estimate);
  return estimate.sets.front();
}

bool stands(double plug_in, double corrected, double error) {
  const auto set = checked(plug_in, corrected, error);
  CHECK(set.reason.empty() == !std::isnan(set.corrected_nats));
  CHECK(std::isnan(set.corrected_nats) == std::isnan(set.standard_error_nats));
  CHECK(set.reason == set.error_reason);
  return set.reason.empty();
}

}  // namespace

TEST_CASE("values that cannot be are none, and say why", "[estimator]") {
  REQUIRE(stands(0.2, 0.15, 0.01));
  REQUIRE(stands(0.33, 0.32, 0.011));        // above the headroom, by less than two errors
  REQUIRE_FALSE(stands(0.35, 0.33, 0.011));  // by more
  REQUIRE_FALSE(stands(0.4, 25.2, 0.1));     // as a window of 4 sequences gave it
  REQUIRE_FALSE(stands(0.4, -8.3, 0.1));
  REQUIRE(stands(0.1, -0.05, 0.03));
  REQUIRE_FALSE(stands(0.1, -0.07, 0.03));
  const auto set = checked(0.4, -8.3, 0.1);
  REQUIRE(set.reason ==
          "the corrected value -8.3 ± 0.1 cannot be: it lies outside of 0 to 0.3, which is all that the layer holds; a "
          "larger window is needed");
}

TEST_CASE("values whose error is as large as they are say nothing", "[estimator]") {
  REQUIRE(stands(0.2, 0.1, 0.1));
  REQUIRE_FALSE(stands(0.2, 0.1, 0.101));
  REQUIRE_THAT(checked(0.2, 0.1, 0.11).reason,
               ContainsSubstring("the standard error 0.11 is more than half of the plug-in value 0.2"));
}

TEST_CASE("labels that are known to say nothing keep their values", "[estimator]") {
  REQUIRE(stands(0.0002, -0.0001, 0.0001));
  REQUIRE(stands(0.0002, -0.009, 0.0001));  // beyond two errors, but by nothing that matters
  REQUIRE(stands(0.004, 0.0, 0.01));
  REQUIRE_FALSE(stands(0.004, 0.0, 0.0101));
}

TEST_CASE("what has no error, or no value already, stays as it is", "[estimator]") {
  const double none = std::nan("");
  REQUIRE_FALSE(std::isnan(checked(0.4, -8.3, none).corrected_nats));
  REQUIRE(checked(0.4, none, 0.1).reason.empty());
}

TEST_CASE("what goes through a rejected set goes with it", "[estimator]") {
  const double unit = std::log(100.0);
  Estimate estimate;
  estimate.anchors = 100;
  for (const double corrected : {0.2, 3.0}) {
    auto& set = estimate.sets.emplace_back();
    set.name = corrected > 1 ? "input_bigram" : "input_unigram";
    set.information_nats = 0.3 * unit;
    set.corrected_nats = corrected * unit;
    set.standard_error_nats = 0.01 * unit;
    set.corrected_context_nats = 0.3 * unit;
    ThroughEstimate through;
    through.input = set.name;
    through.information_nats = 0.1 * unit;
    through.corrected_nats = 0.1 * unit;
    through.standard_error_nats = 0.01 * unit;
    estimate.through.push_back(through);
  }
  auto beyond = estimate.through.front();
  beyond.corrected_nats = 0.5 * unit;
  estimate.through.push_back(beyond);
  reject_implausible(estimate);
  REQUIRE(estimate.through[0].reason.empty());
  REQUIRE(estimate.through[1].reason == estimate.sets[1].reason);
  REQUIRE(std::isnan(estimate.through[1].corrected_nats));
  REQUIRE_THAT(estimate.through[2].reason, ContainsSubstring("cannot be"));
}
