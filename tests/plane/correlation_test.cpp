#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/correlation.hpp>
#include <limits>

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
  REQUIRE_THAT(r.p_value, WithinAbs(0.0249779413925192, 1e-13));
  const auto rho = spearman(kX, kY);
  REQUIRE_THAT(rho.value, WithinAbs(0.74252828238622, 1e-13));
  REQUIRE_THAT(rho.low, WithinAbs(-0.0338906798596626, 1e-13));
  REQUIRE_THAT(rho.high, WithinAbs(0.960013796773016, 1e-13));
  REQUIRE_THAT(rho.p_value, WithinAbs(0.0348550393366642, 1e-13));
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
  REQUIRE(perfect.p_value < 1e-10);
  REQUIRE_THAT(perfect.high, WithinAbs(1, 1e-9));
  REQUIRE(spearman({1, 2, 3, 4}, {8, 1, 0.5, 0}).value == -1);
  REQUIRE(std::isnan(pearson({1, 2}, {1, 2}).value));
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
