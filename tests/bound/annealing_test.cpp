#include "bound/annealing.hpp"

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <infoplane/bound/ib_curve.hpp>

#include "bound/concave_hull.hpp"
#include "bound/samples.hpp"

using Catch::Approx;
using infoplane::bound::anneal;
using infoplane::bound::IbCurve;
using infoplane::bound::IbCurveOptions;
using infoplane::bound::IbPoint;
using infoplane::bound::Joint;
using infoplane::bound::Method;
using infoplane::test::Dense;
using infoplane::test::joint_of;
using infoplane::test::random_counts;
using infoplane::test::uniform;

namespace {

double height(const std::vector<IbPoint>& hull, double complexity) {
  for (std::size_t i = 1; i < hull.size(); ++i) {
    if (complexity <= hull[i].complexity) {
      const double share = (complexity - hull[i - 1].complexity) / (hull[i].complexity - hull[i - 1].complexity);
      return hull[i - 1].expressivity + share * (hull[i].expressivity - hull[i - 1].expressivity);
    }
  }
  return hull.back().expressivity;
}

/// What holds of every curve; and that it is solved to the same bits again.
void sound(const Joint& joint, const IbCurveOptions& options = {}) {
  const auto curve = IbCurve::solve(joint, options);
  const auto again = IbCurve::solve(joint, options);
  REQUIRE(std::isfinite(curve.tolerance()));
  REQUIRE(curve.points().size() == again.points().size());
  for (std::size_t i = 0; i < curve.points().size(); ++i) {
    const auto& point = curve.points()[i];
    CAPTURE(i, point.complexity, point.expressivity, point.beta);
    REQUIRE(std::isfinite(point.complexity));
    REQUIRE(point.expressivity <= point.complexity);
    REQUIRE(point.expressivity <= joint.information() + 1e-9);
    REQUIRE(point.complexity <= joint.row_entropy() + 1e-9);
    REQUIRE(point.complexity == again.points()[i].complexity);
    REQUIRE(point.expressivity == again.points()[i].expressivity);
  }
  REQUIRE(curve.tolerance() == again.tolerance());
}

}  // namespace

TEST_CASE("the accelerated curve is that of plain iteration", "[bound]") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const auto joint = infoplane::bound::merge_alike(joint_of(random_counts(20 + seed, 6 + 6 * seed, 4 + 2 * seed)));
    const IbCurveOptions options;
    const auto plain = infoplane::bound::concave_hull(anneal(joint, options, Method::kPlain));
    const auto accelerated = infoplane::bound::concave_hull(anneal(joint, options));
    for (double r = 0.02; r < joint.row_entropy(); r += 0.02) {
      CAPTURE(seed, r);
      REQUIRE(height(accelerated, r) == Approx(height(plain, r)).margin(options.tolerance()));
    }
  }
}

TEST_CASE("of few clusters both methods find optima that are as good on average", "[bound]") {
  double difference = 0;
  double places = 0;
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    const auto joint = infoplane::bound::merge_alike(joint_of(random_counts(20 + seed, 12 + seed, 5 + seed % 7)));
    const auto options = IbCurveOptions().clusters(6);
    const auto plain = infoplane::bound::concave_hull(anneal(joint, options, Method::kPlain));
    const auto accelerated = infoplane::bound::concave_hull(anneal(joint, options));
    for (double r = 0.02; r < std::log(6); r += 0.02) {
      difference += height(accelerated, r) - height(plain, r);
      ++places;
    }
  }
  REQUIRE(std::abs(difference / places) < IbCurveOptions().tolerance());
}

TEST_CASE("joints of one row or one column have no curve", "[bound]") {
  for (const Dense& counts : {Dense{{1, 2, 3}}, Dense{{1}, {2}, {3}}, Dense{{5}}}) {
    sound(joint_of(counts));
    REQUIRE(IbCurve::solve(joint_of(counts)).points().size() == 1);
  }
}

TEST_CASE("rows of a single pair make curves as others do", "[bound]") {
  // Every third row knows its y, the others share two of six.
  Dense counts(18, std::vector<double>(6));
  for (std::size_t x = 0; x < 18; ++x) {
    counts[x][x % 6] = 1 + static_cast<double>(x);
    counts[x][(x + 1) % 6] += x % 3 == 0 ? 0 : 0.3 * static_cast<double>(x);
  }
  sound(joint_of(counts));
  sound(joint_of(counts), IbCurveOptions().clusters(3).restarts(4));
}

TEST_CASE("probabilities down to 1e-12 make no curve unsound", "[bound]") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    Dense counts(14, std::vector<double>(8));
    for (std::size_t x = 0; x < 14; ++x) {
      for (std::size_t y = 0; y < 8; ++y) {
        const double u = uniform(seed, x * 8 + y);
        counts[x][y] = u < 0.3 ? 0 : std::pow(10, -12 * uniform(seed + 100, x * 8 + y));
      }
      counts[x][x % 8] += 1e-12;
    }
    CAPTURE(seed);
    sound(joint_of(counts), IbCurveOptions().clusters(seed % 2 == 0 ? 100 : 5));
  }
  // Where Y is a function of X the diagonal is the curve, whatever the masses.
  Dense counts(6, std::vector<double>(3));
  for (std::size_t x = 0; x < 6; ++x) {
    counts[x][x % 3] = std::pow(10, -2.0 * static_cast<double>(x));
  }
  const auto curve = IbCurve::solve(joint_of(counts));
  for (const auto& point : curve.points()) {
    REQUIRE(point.expressivity == Approx(point.complexity).margin(1e-9));
  }
}

TEST_CASE("few iterations a step still give a curve", "[bound]") {
  const auto joint = joint_of(random_counts(3, 40, 20));
  const auto enough = IbCurve::solve(joint, IbCurveOptions().tolerance(0.1));
  for (const std::int64_t iterations : {1, 2, 3, 4, 5}) {
    const auto options = IbCurveOptions().clusters(16).max_iterations(iterations).tolerance(0.1);
    CAPTURE(iterations);
    sound(joint, options);
    REQUIRE(IbCurve::solve(joint, options).expressivity_at(1) > 0.8 * enough.expressivity_at(1));
  }
}
