#include "bound/fixed_point.hpp"

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <numeric>

#include "bound/clusters.hpp"
#include "bound/exponential.hpp"
#include "bound/samples.hpp"
#include "bound/self_consistent.hpp"

using Catch::Approx;
using infoplane::bound::Clusters;
using infoplane::bound::IbPoint;
using infoplane::bound::Method;
using infoplane::bound::SelfConsistent;
using infoplane::bound::solve_at;
using infoplane::bound::start_apart;
using infoplane::bound::start_together;
using infoplane::test::Dense;
using infoplane::test::joint_of;
using infoplane::test::random_counts;

namespace {

double value_of(const IbPoint& point) { return point.expressivity - point.complexity / point.beta; }

/// p(y, t) of one iteration by the equations as they are written.
std::vector<std::vector<double>> by_the_book(const Dense& p, double beta, const Clusters& from) {
  std::vector<std::vector<double>> to(p.front().size(), std::vector<double>(from.count));
  for (const auto& row : p) {
    const double mass = std::accumulate(row.begin(), row.end(), 0.0);
    std::vector<double> share(from.count);
    for (std::size_t t = 0; t < from.count; ++t) {
      double divergence = 0;
      for (std::size_t y = 0; y < row.size(); ++y) {
        const double conditional = from.joint[y * from.stride + t] / from.mass[t];
        divergence += row[y] > 0 ? row[y] / mass * std::log(row[y] / mass / conditional) : 0;
      }
      share[t] = from.mass[t] * std::exp(-beta * divergence);
    }
    const double all = std::accumulate(share.begin(), share.end(), 0.0);
    for (std::size_t y = 0; y < row.size(); ++y) {
      for (std::size_t t = 0; t < from.count; ++t) {
        to[y][t] += row[y] * share[t] / all;
      }
    }
  }
  return to;
}

Dense normalised(Dense counts) {
  double total = 0;
  for (const auto& row : counts) {
    total = std::accumulate(row.begin(), row.end(), total);
  }
  for (auto& row : counts) {
    std::for_each(row.begin(), row.end(), [&](double& each) { each /= total; });
  }
  return counts;
}

}  // namespace

TEST_CASE("the exponential of a score is e^x", "[bound]") {
  for (double x = -64; x <= 0; x += 0.0137) {
    REQUIRE(infoplane::bound::exponential(x) == Approx(std::exp(x)).epsilon(1e-13));
  }
  REQUIRE(infoplane::bound::exponential(0) == 1);
}

TEST_CASE("an iteration is that of the self-consistent equations", "[bound]") {
  for (const std::int64_t clusters : {1, 2, 3, 4, 5, 9}) {
    const auto p = normalised(random_counts(7, 11, 6));
    const auto joint = joint_of(p);
    SelfConsistent equations(joint);
    const auto from = start_apart(joint, clusters, 3);
    Clusters to;
    const auto point = equations.iterate(2.5, from, to);
    const auto expected = by_the_book(p, 2.5, from);
    double information = 0;
    for (std::size_t y = 0; y < 6; ++y) {
      for (std::size_t t = 0; t < to.stride; ++t) {
        const double both = to.joint[y * to.stride + t];
        CAPTURE(clusters, y, t);
        REQUIRE(both == Approx(t < to.count ? expected[y][t] : 0).epsilon(1e-11).margin(1e-25));
        information += both > 0 ? both * std::log(both / to.mass[t] / joint.column_mass()[y]) : 0;
      }
    }
    REQUIRE(point.expressivity == Approx(information).margin(1e-12));
    REQUIRE(point.complexity <= std::log(clusters) + 1e-12);
  }
}

TEST_CASE("no iteration loses what the ones before it gained", "[bound]") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const auto joint = joint_of(random_counts(60 + seed, 25, 9));
    for (const double beta : {1.3, 2.0, 4.0, 30.0}) {
      for (const auto method : {Method::kAccelerated, Method::kPlain}) {
        SelfConsistent equations(joint);
        double before = -1e300;
        for (std::int64_t iterations = 1; iterations <= 80; ++iterations) {
          auto clusters = seed % 2 == 0 ? start_apart(joint, 12, seed) : start_together(joint, 12, seed);
          const auto point = solve_at(equations, beta, {0, iterations}, method, clusters);
          CAPTURE(seed, beta, iterations);
          REQUIRE(value_of(point) >= before - 1e-12);
          before = value_of(point);
        }
      }
    }
  }
}

TEST_CASE("acceleration comes to the solution in fewer iterations", "[bound]") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const auto joint = joint_of(random_counts(80 + seed, 30, 10));
    SelfConsistent equations(joint);
    const auto after = [&](Method method, std::int64_t iterations) {
      auto clusters = start_apart(joint, 30, 0);
      return value_of(solve_at(equations, 2.5, {0, iterations}, method, clusters));
    };
    CAPTURE(seed);
    REQUIRE(after(Method::kAccelerated, 100) >= after(Method::kPlain, 400) - 1e-5);
  }
}

TEST_CASE("an extrapolated point is a distribution, however far it goes", "[bound]") {
  const auto joint = joint_of(random_counts(9, 8, 5));
  SelfConsistent equations(joint);
  const auto first = start_apart(joint, 6, 0);
  Clusters last;
  equations.iterate(3, first, last);
  for (const double factor : {0.0, 0.5, 2.0, 1000.0}) {
    const auto far = infoplane::bound::extrapolated(first, last, factor);
    REQUIRE(std::accumulate(far.joint.begin(), far.joint.end(), 0.0) == Approx(1));
    REQUIRE(std::accumulate(far.mass.begin(), far.mass.end(), 0.0) == Approx(1));
    REQUIRE(*std::min_element(far.joint.begin(), far.joint.end()) >= 0);
    for (std::size_t i = 0; i < far.joint.size(); ++i) {
      REQUIRE((far.joint[i] > 0) == (last.joint[i] > 0));
      REQUIRE((factor > 0 || far.joint[i] == Approx(last.joint[i])));
    }
  }
}

TEST_CASE("clusters at one place are joined, empty ones go, and the channel stays", "[bound]") {
  const auto joint = joint_of({{4, 1}, {1, 4}});
  Clusters clusters(4, 2);
  const double columns[2][4] = {{0.2, 0, 0.1, 0.2}, {0.1, 0, 0.3, 0.1}};
  for (std::size_t y = 0; y < 2; ++y) {
    std::copy_n(columns[y], 4, clusters.joint.begin() + static_cast<std::ptrdiff_t>(y * clusters.stride));
  }
  infoplane::bound::normalise(clusters);
  const auto into = infoplane::bound::alike(clusters, joint);
  REQUIRE(into == std::vector<std::size_t>{0, 4, 2, 0});
  const auto fewer = infoplane::bound::joined(clusters, into);
  REQUIRE(fewer.count == 2);
  REQUIRE(fewer.mass[0] == Approx(0.6));
  REQUIRE(fewer.mass[1] == Approx(0.4));
  REQUIRE(fewer.joint[0] == Approx(0.4));
  REQUIRE(fewer.joint[fewer.stride + 1] == Approx(0.3));
}
