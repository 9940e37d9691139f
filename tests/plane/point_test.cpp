#include <catch2/catch_test_macros.hpp>
#include <infoplane/plane/point.hpp>

TEST_CASE("a layer of a point is found by its whole name", "[plane]") {
  infoplane::plane::Point point;
  REQUIRE(point.layer("blocks.1") == nullptr);
  point.layers = {{"embedding", 1, 0, {}}, {"blocks.1", 2, 0, {}}, {"blocks.10", 3, 0, {}}};
  REQUIRE(point.layer("blocks.1") == &point.layers[1]);
  REQUIRE(point.layer("blocks.10")->tokens == 3);
  REQUIRE(point.layer("blocks") == nullptr);
  REQUIRE(point.layer("") == nullptr);
}
