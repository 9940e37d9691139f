#include <catch2/catch_test_macros.hpp>
#include <infoplane/core/version.hpp>
#include <string>

TEST_CASE("the compiled version is the header's", "[core]") {
  REQUIRE(std::string(infoplane::version()) == std::to_string(INFOPLANE_VERSION_MAJOR) + "." +
                                                   std::to_string(INFOPLANE_VERSION_MINOR) + "." +
                                                   std::to_string(INFOPLANE_VERSION_PATCH));
}
