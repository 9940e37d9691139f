#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <cstdint>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/correlation.hpp>
#include <limits>
#include <numeric>
#include <vector>

using Catch::Matchers::Message;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using infoplane::plane::pearson;
using infoplane::plane::spearman;
using infoplane::plane::student_p;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
const std::vector<double> kX = {1.2, 0.7, 3.1, 2.2, 5.0, 4.1, 2.2, 0.1};
const std::vector<double> kY = {0.31, 0.5, 0.9, 0.4, 0.8, 1.3, 0.2, 0.1};

}  // namespace

TEST_CASE("Pearson and Spearman agree with SciPy 1.17, ties among the values", "[plane]") {
  const auto r = pearson(kX, kY);
  REQUIRE(r.count == 8);
  REQUIRE_THAT(r.value, WithinAbs(0.771403778445141, 1e-13));
  REQUIRE_THAT(r.low, WithinAbs(0.146207278451771, 1e-13));
  REQUIRE_THAT(r.high, WithinAbs(0.956263795330962, 1e-13));
  REQUIRE_THAT(r.p_value, WithinAbs(1034.0 / 40320, 1e-15));  // of all orders; Student's t says 0.02498
  REQUIRE(r.exact);
  const auto rho = spearman(kX, kY);
  REQUIRE_THAT(rho.value, WithinAbs(0.74252828238622, 1e-13));
  REQUIRE_THAT(rho.low, WithinAbs(-0.0338906798596626, 1e-13));
  REQUIRE_THAT(rho.high, WithinAbs(0.960013796773016, 1e-13));
  REQUIRE_THAT(rho.p_value, WithinAbs(1616.0 / 40320, 1e-15));
  REQUIRE(r.reason.empty());
}

TEST_CASE("from ten pairs on p is Student's", "[plane]") {
  auto x = kX, y = kY;
  x.insert(x.end(), {3.6, 1.7});
  y.insert(y.end(), {1.0, 0.45});
  const auto r = pearson(x, y), rho = spearman(x, y);
  REQUIRE_FALSE(r.exact);
  REQUIRE_THAT(r.value, WithinAbs(0.7928803940507642, 1e-13));
  REQUIRE_THAT(r.p_value, WithinAbs(0.006217741713690034, 1e-12));
  REQUIRE_THAT(rho.value, WithinAbs(0.7355657078528781, 1e-13));
  REQUIRE_THAT(rho.p_value, WithinAbs(0.015323456377804929, 1e-12));
}

TEST_CASE("few pairs in perfect order are no proof", "[plane]") {
  struct Row {
    std::vector<double> x, y;
    double p;  // counted by hand, or with all orders written out
  };
  const std::vector<Row> rows = {
      {{1, 2, 3}, {1, 2, 3}, 2.0 / 6},
      {{1, 2, 3, 4}, {1, 2, 3, 4}, 2.0 / 24},
      {{1, 2, 3, 4}, {4, 3, 2, 1}, 2.0 / 24},
      {{1, 2, 3, 4}, {1, 2, 4, 3}, 8.0 / 24},  // the perfect orders, and three neighbours swapped in each
      {{1, 2, 3, 4, 5}, {10, 20, 30, 40, 50}, 2.0 / 120},
      {{1, 2, 3, 4, 5}, {2, 1, 4, 3, 5}, 16.0 / 120},
      {{1, 1, 2, 2}, {1, 2, 3, 4}, 8.0 / 24},  // ties: 4 of the 24 orders put {1, 2} below {3, 4}, 4 above
      {{1, 1, 2, 3}, {1, 2, 2, 3}, 8.0 / 24},
      {{1, 1, 2}, {1, 2, 3}, 4.0 / 6},
      {{0, 0, 0, 1}, {1, 2, 3, 4}, 12.0 / 24},
  };
  for (const auto& row : rows) {
    CAPTURE(row.x, row.y);
    const auto rho = spearman(row.x, row.y);
    REQUIRE_THAT(rho.p_value, WithinAbs(row.p, 1e-15));
    REQUIRE(rho.exact);
  }
  REQUIRE_THAT(pearson({1, 2, 4}, {1, 2, 3}).p_value, WithinAbs(2.0 / 6, 1e-15));
  REQUIRE_THAT(pearson({1, 2, 3, 10}, {1, 2, 3, 4}).p_value, WithinAbs(2.0 / 24, 1e-15));
  std::vector<double> twelve(12);
  std::iota(twelve.begin(), twelve.end(), 1.0);
  REQUIRE_THAT(spearman(twelve, twelve).p_value, WithinRel(1 / 479001600.0, 1e-9));  // never 0: 1/12!
  REQUIRE(pearson(twelve, twelve).p_value > 0);
}

TEST_CASE("an interval of few pairs is as wide as they leave it", "[plane]") {
  const auto three = spearman({1, 2, 3}, {1, 2, 3});
  REQUIRE(std::isnan(three.low));
  REQUIRE(std::isnan(three.high));
  REQUIRE(three.reason == "too few pairs for an interval: it needs 4, there are 3");

  const auto four = pearson({1, 2, 3, 4}, {2, 4, 6, 8});
  REQUIRE_THAT(four.low, WithinAbs(-0.22441419387908743, 1e-9));  // tanh(Φ⁻¹(1 − 1/24) − 1.95996)
  REQUIRE(four.high == 1);
  const auto down = spearman({1, 2, 3, 4}, {8, 1, 0.5, 0});
  REQUIRE(down.low == -1);
  REQUIRE_THAT(down.high, WithinAbs(0.2725429311626704, 1e-9));  // the same with the variance 3/2
  REQUIRE_THAT(pearson({1, 2, 3, 4, 5}, {2, 4, 6, 8, 10}).low, WithinAbs(0.2976102131384586, 1e-9));

  // Whatever the values: an interval that leaves out 0 has a p below 0.05, and no interval is a point.
  std::uint32_t state = 7;
  const auto draw = [&state](std::uint32_t kinds) {
    state = state * 1664525U + 1013904223U;
    return static_cast<double>((state >> 16U) % kinds);
  };
  int intervals = 0;
  for (int sample = 0; sample < 600; ++sample) {
    const auto count = 4 + sample % 4;
    const auto kinds = sample % 2 == 0 ? 3U : 1000U;
    std::vector<double> x, y;
    for (int i = 0; i < count; ++i) {
      x.push_back(draw(kinds));
      y.push_back(sample % 3 == 0 ? x.back() + draw(2) : draw(kinds));
    }
    for (const auto& found : {pearson(x, y), spearman(x, y)}) {
      CAPTURE(x, y, found.value, found.low, found.high, found.p_value);
      if (std::isnan(found.value)) {
        REQUIRE(found.reason == "one side is the same in all pairs");
        continue;
      }
      ++intervals;
      REQUIRE((found.low <= found.value && found.value <= found.high));
      REQUIRE(found.high - found.low > 0.1);
      REQUIRE(((found.low <= 0 && found.high >= 0) || found.p_value < 0.05));
    }
  }
  REQUIRE(intervals > 800);
}

TEST_CASE("Student's p agrees with SciPy 1.17", "[plane]") {
  REQUIRE_THAT(student_p(0.5, 1), WithinRel(0.704832764699133, 1e-12));
  REQUIRE_THAT(student_p(2.3, 4), WithinRel(0.0829390371123824, 1e-12));
  REQUIRE_THAT(student_p(-12, 30), WithinRel(5.58018541519926e-13, 1e-9));
  REQUIRE_THAT(student_p(1.96, 1e6), WithinRel(0.0499960675852699, 1e-7));
  REQUIRE_THAT(student_p(40, 2), WithinRel(0.000624414672184741, 1e-12));
  REQUIRE(student_p(0, 5) == 1);
  REQUIRE(student_p(std::numeric_limits<double>::infinity(), 5) == 0);
  REQUIRE(std::isnan(student_p(1, 0)));
}

TEST_CASE("a correlation knows its limits", "[plane]") {
  const auto perfect = pearson({1, 2, 3, 4}, {2, 4, 6, 8});
  REQUIRE_THAT(perfect.value, WithinAbs(1, 1e-15));
  REQUIRE_THAT(perfect.p_value, WithinAbs(2.0 / 24, 1e-15));  // was 0 by Student's t, which four pairs do not bear
  REQUIRE_THAT(perfect.high, WithinAbs(1, 1e-9));
  REQUIRE(spearman({1, 2, 3, 4}, {8, 1, 0.5, 0}).value == -1);
  REQUIRE(std::isnan(pearson({1, 2}, {1, 2}).value));
  REQUIRE(pearson({1, 2}, {1, 2}).reason == "too few pairs: a correlation needs 3, there are 2");
  REQUIRE(pearson({1, kNaN}, {1, 2}).reason == "too few pairs: a correlation needs 3, there is 1");
  REQUIRE(std::isnan(pearson({}, {}).value));
  REQUIRE(std::isnan(pearson({0.1, 0.1, 0.1, 0.1}, {1, 2, 3, 4}).value));
  REQUIRE(std::isnan(pearson({1, 2, 4}, {1, 2, 3}).low));  // no interval of three
  REQUIRE(std::isfinite(pearson({1, 2, 4}, {1, 2, 3}).p_value));
  REQUIRE_THAT(pearson({1e300, 2e300, 4e300}, {1e-300, 2e-300, 4e-300}).value, WithinAbs(1, 1e-12));
}

TEST_CASE("pairs that are not finite are left out", "[plane]") {
  auto x = kX, y = kY;
  x.push_back(kNaN);
  y.push_back(1);
  x.push_back(1);
  y.push_back(std::numeric_limits<double>::infinity());
  REQUIRE(pearson(x, y).value == pearson(kX, kY).value);
  REQUIRE(spearman(x, y).count == 8);
  REQUIRE_THROWS_MATCHES(pearson({1}, {}), infoplane::ArgumentError,
                         Message("a correlation needs as many values on both sides, but there are 1 and 0"));
}
