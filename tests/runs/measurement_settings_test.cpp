#include "runs/measurement_settings.hpp"

#include <catch2/catch_test_macros.hpp>
#include <limits>

using infoplane::runs::differences;
using infoplane::runs::MeasurementSettings;
using infoplane::runs::RunHeader;
using infoplane::runs::settings_of;

namespace {

MeasurementSettings some() {
  MeasurementSettings settings;
  settings.every = 50;
  settings.window = 1;
  settings.input_orders = "1, 2";
  settings.common_positions = true;
  settings.sites = {"blocks.0", "blocks.1"};
  return settings;
}

}  // namespace

TEST_CASE("what both measurements know is compared, each field with both values", "[runs]") {
  const auto mine = some();
  auto theirs = some();
  theirs.anchors = 100;  // the other does not say
  REQUIRE(differences(mine, theirs).empty());
  theirs.every = 10;
  theirs.common_positions = false;
  theirs.sites = {"blocks.1"};
  REQUIRE(differences(mine, theirs).text() ==
          "every (50 and 10), common positions (yes and no), number of sites (2 and 1), sites (blocks.0, blocks.1 and "
          "blocks.1)");
  REQUIRE(differences(mine, theirs, true).text() == "every (50 and 10), common positions (yes and no)");
}

TEST_CASE("a temperature may differ as between math libraries, and NaN is like nothing", "[runs]") {
  MeasurementSettings mine;
  mine.temperature = 0.0370495;
  auto theirs = mine;
  *theirs.temperature *= 1 + 1e-12;
  REQUIRE(differences(mine, theirs).empty());
  *theirs.temperature *= 1 + 1e-8;
  REQUIRE(differences(mine, theirs).fields().size() == 1);
  theirs.temperature = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(differences(mine, theirs).text() == "temperature (0.0370495 and nan)");
  REQUIRE_FALSE(differences(theirs, theirs).empty());
}

TEST_CASE("a header says of its values m, d, temperature and anchor hash", "[runs]") {
  RunHeader header;
  header.anchors = 100;
  header.width = 64;
  header.temperature = 0.5;
  header.anchor_hash = "9f";
  header.every = 50;  // when points come makes none of them another
  REQUIRE(text_of(settings_of(header)) == "m 100, d 64, temperature 0.5, anchor hash 9f");
}

TEST_CASE("settings in words", "[runs]") {
  auto settings = some();
  REQUIRE(text_of(settings) == "every 50, window 1, input orders 1, 2, common positions, sites blocks.0, blocks.1");
  settings.common_positions = false;
  settings.sites->clear();
  REQUIRE(text_of(settings) == "every 50, window 1, input orders 1, 2, sites ");
  REQUIRE(text_of(MeasurementSettings()).empty());
}
