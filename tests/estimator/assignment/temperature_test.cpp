#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/assignment/temperature.hpp>
#include <limits>

#include "estimator/assignment/golden_temperature.hpp"

#if __has_include(<ATen/core/Tensor.h>)
#error "the temperature must build without LibTorch on the include path"
#endif

namespace infoplane::estimator {
namespace {

using Catch::Matchers::Message;
using Catch::Matchers::WithinRel;

TEST_CASE("temperature: every golden row", "[estimator][temperature]") {
  for (const auto& row : kGoldenTemperatures) {
    CAPTURE(row.m, row.d);
    CHECK_THAT(temperature(row.d, row.m), WithinRel(row.exact, row.d == 2 ? 1e-7 : 1e-9));
    CHECK_THAT(temperature(row.d, row.m, Calibration::leading_order()), WithinRel(row.leading_order, 1e-12));
    if (row.find_eps > 0) {
      CHECK_THAT(temperature(row.d, row.m, Calibration::find_eps()), WithinRel(row.find_eps, 1e-10));
    } else {
      CHECK_THROWS_AS(temperature(row.d, row.m, Calibration::find_eps()), ArgumentError);
    }
  }
}

// On S² the divergence has a closed form: κ coth κ − 1 − log(sinh κ / κ).
TEST_CASE("temperature: exact solves its equation on the sphere in three dimensions", "[estimator][temperature]") {
  for (const std::int64_t m : {2, 3, 10, 1000, 100'000, 10'000'000}) {
    const double kappa = 1 / temperature(3, m);
    const double log_sinh = kappa + std::log1p(-std::exp(-2 * kappa)) - std::log(2.0);
    const double divergence = kappa / std::tanh(kappa) - 1 - (log_sinh - std::log(kappa));
    CAPTURE(m, kappa);
    CHECK_THAT(divergence, WithinRel(std::log(static_cast<double>(m)), 1e-9));
  }
}

// In the plane, for large κ: divergence = ½ log(2πκ) − ½ + O(1/κ), so κ → e m² / 2π.
TEST_CASE("temperature: exact approaches its limit in the plane", "[estimator][temperature]") {
  for (const double m : {2'000.0, 65'536.0, 1e6}) {
    const double limit = std::exp(1.0) * m * m / (2 * std::acos(-1.0));
    CAPTURE(m);
    CHECK_THAT(1 / temperature(2, static_cast<std::int64_t>(m)), WithinRel(limit, 1e-6));
  }
}

TEST_CASE("temperature: exact falls with m, and in d rises to a peak near 16 and falls", "[estimator][temperature]") {
  for (const std::int64_t d : {2, 3, 16, 700, 1024, 65'536}) {
    double before = std::numeric_limits<double>::infinity();
    for (const std::int64_t m : {2, 5, 50, 1024, 65'536}) {
      CAPTURE(d, m);
      const double value = temperature(d, m);
      CHECK(value < before);
      CHECK(value > 0);
      before = value;
    }
  }
  double before = 0;
  for (const std::int64_t d : {2, 3, 4, 6, 8, 12}) {
    CAPTURE(d);
    CHECK(temperature(d, 100) > before);
    before = temperature(d, 100);
  }
  before = 1;
  for (const std::int64_t d : {24, 64, 256, 700, 1023, 1024, 1025, 5000, 65'536, 1'000'000}) {
    CAPTURE(d);
    CHECK(temperature(d, 100) < before);
    before = temperature(d, 100);
  }
  CHECK_THAT(temperature(65'536, 100), WithinRel(temperature(65'536, 100, Calibration::leading_order()), 1e-3));
}

TEST_CASE("temperature: a fixed value is taken as it is", "[estimator][temperature]") {
  CHECK(temperature(8, 100, Calibration::fixed(0.25)) == 0.25);
  CHECK(Calibration::fixed(0.25).value() == 0.25);
  for (const double bad : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_AS(Calibration::fixed(bad), ArgumentError);
  }
  CHECK_THROWS_MATCHES(Calibration::fixed(-1), ArgumentError,
                       Message("a temperature must be positive and finite, got -1"));
}

TEST_CASE("temperature: calibrations have names and compare", "[estimator][temperature]") {
  CHECK(Calibration().name() == "exact");
  CHECK(Calibration::find_eps().name() == "find_eps");
  CHECK(Calibration::leading_order().name() == "leading_order");
  CHECK(Calibration::fixed(1).name() == "fixed");
  CHECK(Calibration() == Calibration::exact());
  CHECK(Calibration::fixed(1) != Calibration::fixed(2));
}

TEST_CASE("temperature: too small shapes and impossible calibrations are errors", "[estimator][temperature]") {
  CHECK_THROWS_MATCHES(temperature(1, 100), ArgumentError,
                       Message("soft entropy needs a dimension d of at least 2, got 1"));
  CHECK_THROWS_MATCHES(temperature(64, 1), ArgumentError, Message("soft entropy needs at least 2 anchors, got m = 1"));
  CHECK_THROWS_MATCHES(temperature(2, 100, Calibration::find_eps()), ArgumentError,
                       Message("the find_eps calibration does not exist at d = 2 (m = 100): use "
                               "infoplane::estimator::Calibration::exact()"));
  CHECK_THROWS_MATCHES(temperature(3, 256, Calibration::find_eps()), ArgumentError,
                       Message("the find_eps calibration has no temperature in [1e-5, 1] for d = 3, m = 256: use "
                               "infoplane::estimator::Calibration::exact()"));
}

}  // namespace
}  // namespace infoplane::estimator
