#include <catch2/catch_test_macros.hpp>
#include <infoplane/distributed/local.hpp>

#include "conformance.hpp"

TEST_CASE("a world of one conforms", "[distributed]") {
  for (const auto& conformance : infoplane::test::conformance_cases()) {
    CAPTURE(conformance.name);
    infoplane::distributed::Local local;
    REQUIRE_NOTHROW(conformance.run(local));
    REQUIRE(local.bytes_sent() == 0);
  }
}
