#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/plane/coordinates.hpp>
#include <limits>

using Catch::Matchers::WithinAbs;
using namespace infoplane::plane;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();

LayerPoint layer(std::string name, double complexity, double expressivity) {
  const auto optimality = expressivity / complexity;
  return {std::move(name),
          10,
          0,
          {{"H(Z)", 0.5},
           {"I(X;Z)/input_unigram", complexity},
           {"I(Y;Z)/output_unigram", expressivity},
           {"optimality/unigram", optimality},
           {"distance/unigram", 1 - optimality}}};
}

}  // namespace

TEST_CASE("the mean leaves the embedding out and tells means of ratios from ratios of means", "[plane]") {
  const auto means = mean_over_blocks({layer("embedding", 0.9, 0.9), layer("blocks.0", 0.4, 0.1),
                                       layer("blocks.1", 0.2, 0.15), layer("blocks.2", 0.6, 0.3)});
  REQUIRE(means.size() == 7);
  REQUIRE_THAT(means.at("H(Z)"), WithinAbs(0.5, 1e-15));
  REQUIRE_THAT(means.at("I(X;Z)/input_unigram"), WithinAbs(0.4, 1e-15));
  REQUIRE_THAT(means.at("I(Y;Z)/output_unigram"), WithinAbs(0.55 / 3, 1e-15));
  REQUIRE_THAT(means.at("optimality/unigram"), WithinAbs(0.5, 1e-15));  // (0.25 + 0.75 + 0.5) / 3
  REQUIRE_THAT(means.at("distance/unigram"), WithinAbs(0.5, 1e-15));
  REQUIRE_THAT(means.at("optimality_of_means/unigram"), WithinAbs(0.55 / 1.2, 1e-15));
  REQUIRE_THAT(means.at("distance_of_means/unigram"), WithinAbs(0.65 / 1.2, 1e-15));
}

TEST_CASE("a value undefined in one block is undefined in the mean, and only that key", "[plane]") {
  const auto means = mean_over_blocks({layer("blocks.0", 0.4, 0.1), layer("blocks.1", 0.2, kNaN)});
  REQUIRE_THAT(means.at("I(X;Z)/input_unigram"), WithinAbs(0.3, 1e-15));
  for (const auto* key : {"I(Y;Z)/output_unigram", "optimality/unigram", "distance/unigram",
                          "optimality_of_means/unigram", "distance_of_means/unigram"}) {
    CAPTURE(key);
    REQUIRE(std::isnan(means.at(key)));
  }
  // The embedding's gaps are its own.
  REQUIRE_THAT(mean_over_blocks({layer("embedding", 0.4, kNaN), layer("blocks.0", 0.4, 0.1)}).at("distance/unigram"),
               WithinAbs(0.75, 1e-15));
}

TEST_CASE("a key that a block lacks is undefined in the mean", "[plane]") {
  auto without = layer("blocks.1", 0.2, 0.1);
  without.metrics.erase("I(Y;Z)/output_unigram");
  const auto means = mean_over_blocks({layer("blocks.0", 0.4, 0.1), without});
  REQUIRE(std::isnan(means.at("I(Y;Z)/output_unigram")));
  REQUIRE(std::isnan(means.at("distance_of_means/unigram")));
  REQUIRE_THAT(means.at("distance/unigram"), WithinAbs(0.625, 1e-15));
}

TEST_CASE("blocks whose mean complexity is 0 have no optimality of means", "[plane]") {
  const auto means = mean_over_blocks({layer("blocks.0", 0.1, 0.1), layer("blocks.1", -0.1, 0.1)});
  REQUIRE(std::isnan(means.at("optimality_of_means/unigram")));
}

TEST_CASE("without a block there is no mean", "[plane]") {
  REQUIRE(mean_over_blocks({}).empty());
  REQUIRE(mean_over_blocks({layer("embedding", 0.4, 0.1)}).empty());
}
