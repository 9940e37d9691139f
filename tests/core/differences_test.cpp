#include "core/differences.hpp"

#include <catch2/catch_test_macros.hpp>

using infoplane::Differences;

TEST_CASE("differences name the field and both values", "[core]") {
  Differences found;
  found.compare("m", 100, 100);
  REQUIRE(found.empty());
  REQUIRE(found.text().empty());
  found.compare("m", 100, 50);
  found.compare("epsilon", 0.1, 0.2);
  found.compare("seed rule", std::string("raw"), std::string("mixed"));
  found.add("hash", "9f", "00");
  REQUIRE(found.fields() == std::vector<std::string>{"m (100 and 50)",
                                                     "epsilon (0.10000000000000001 and 0.20000000000000001)",
                                                     "seed rule (raw and mixed)", "hash (9f and 00)"});
  REQUIRE(found.text() ==
          "m (100 and 50), epsilon (0.10000000000000001 and 0.20000000000000001), seed rule (raw and "
          "mixed), hash (9f and 00)");
}
