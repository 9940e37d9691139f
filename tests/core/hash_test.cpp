#include <catch2/catch_test_macros.hpp>
#include <infoplane/core/hash.hpp>

// The first outputs of the published generator from state 0 and from 1234567.
TEST_CASE("splitmix64 gives the published sequence", "[core]") {
  STATIC_REQUIRE(infoplane::splitmix64(0) == 0xe220a8397b1dcdafU);
  STATIC_REQUIRE(infoplane::splitmix64(0x9e3779b97f4a7c15U) == 0x6e789e6aa1b965f4U);
  STATIC_REQUIRE(infoplane::splitmix64(1234567) == 6457827717110365317U);
}
