#include <catch2/catch_test_macros.hpp>
#include <infoplane/runs/run_header.hpp>
#include <limits>

#include "runs/samples.hpp"

using infoplane::runs::differing_fields;
using infoplane::runs::utc_timestamp;

TEST_CASE("runs that share anchors, m, d and temperature can be compared", "[runs]") {
  const auto one = samples::header();
  auto other = one;
  other.run = "another";
  other.world_size = 8;
  other.label_sets.clear();
  other.temperature *= 1 + 1e-12;
  REQUIRE(differing_fields(one, other).empty());
}

TEST_CASE("what makes runs incomparable is listed with both values", "[runs]") {
  const auto one = samples::header();
  auto other = one;
  other.anchors = 50;
  REQUIRE(differing_fields(one, other) == std::vector<std::string>{"m (100 and 50)"});
  other.width = 128;
  other.temperature = 0.05;
  other.anchor_hash = "00";
  REQUIRE(differing_fields(one, other) == std::vector<std::string>{"m (100 and 50)", "d (64 and 128)",
                                                                   "temperature (0.0370495 and 0.05)",
                                                                   "anchor hash (9f86d081 and 00)"});
  other = one;
  other.temperature = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(differing_fields(one, other).size() == 1);
  REQUIRE(differing_fields(other, other).size() == 1);
}

TEST_CASE("a timestamp is ISO 8601 in UTC", "[runs]") {
  REQUIRE(utc_timestamp(std::chrono::system_clock::from_time_t(0)) == "1970-01-01T00:00:00Z");
  REQUIRE(utc_timestamp(std::chrono::system_clock::from_time_t(1795579545)) == "2026-11-25T04:05:45Z");
}
