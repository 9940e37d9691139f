#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <infoplane/bound/ib_curve.hpp>
#include <limits>

#include "bound/samples.hpp"

using infoplane::bound::IbCurve;
using infoplane::bound::IbCurveOptions;
using infoplane::test::Dense;
using infoplane::test::joint_of;
using infoplane::test::random_counts;

namespace {

double plogp(double p) { return p > 0 ? p * std::log(p) : 0; }

/// A bound from above that shares nothing with the solver: with q = p(x|t), I(T;Y) − λ I(T;X) is, up to a constant, the
/// mean over t of φ(q) = λ H(q) − H(q p(y|x)), so its maximum is the concave envelope of φ at p(x), and that is the
/// minimum over μ of max_q φ(q) + μ·(p(x) − q). Three values of x; q on a grid.
class Envelope {
 public:
  explicit Envelope(const Dense& counts) {
    double total = 0;
    for (std::size_t x = 0; x < 3; ++x) {
      for (const double each : counts[x]) {
        p_[x] += each;
      }
      total += p_[x];
    }
    for (int i = 0; i <= kGrid; ++i) {
      for (int j = 0; i + j <= kGrid; ++j) {
        const double q[3] = {double(i) / kGrid, double(j) / kGrid, double(kGrid - i - j) / kGrid};
        double hx = 0;
        double hy = 0;
        for (std::size_t x = 0; x < 3; ++x) {
          hx -= plogp(q[x]);
        }
        for (std::size_t y = 0; y < counts[0].size(); ++y) {
          double py = 0;
          for (std::size_t x = 0; x < 3; ++x) {
            py += q[x] * counts[x][y] / p_[x];
          }
          hy -= plogp(py);
        }
        points_.push_back({q[0], q[1], hx, hy});
      }
    }
    for (std::size_t x = 0; x < 3; ++x) {
      p_[x] /= total;
      hx_ -= plogp(p_[x]);
    }
    for (std::size_t y = 0; y < counts[0].size(); ++y) {
      double py = 0;
      for (std::size_t x = 0; x < 3; ++x) {
        py += counts[x][y] / total;
      }
      hy_ -= plogp(py);
    }
  }

  /// max I(T;Y) − λ I(T;X).
  double best(double lambda) const {
    const auto over_second = [&](double a) { return minimum([&](double b) { return highest(lambda, a, b); }); };
    return hy_ - lambda * hx_ + minimum(over_second);
  }

 private:
  static constexpr int kGrid = 48;

  template <typename Function>
  static double minimum(const Function& function) {
    double low = -8;
    double high = 8;
    for (int i = 0; i < 40; ++i) {
      const double a = low + (high - low) * 0.382;
      const double b = low + (high - low) * 0.618;
      (function(a) < function(b) ? high : low) = function(a) < function(b) ? b : a;
    }
    return function((low + high) / 2);
  }

  double highest(double lambda, double a, double b) const {
    double best = -std::numeric_limits<double>::infinity();
    for (const auto& each : points_) {
      best = std::max(best, lambda * each[2] - each[3] + a * (p_[0] - each[0]) + b * (p_[1] - each[1]));
    }
    return best;
  }

  double p_[3] = {0, 0, 0};
  double hx_ = 0;
  double hy_ = 0;
  std::vector<std::array<double, 4>> points_;
};

/// max over the curve of I − λ R.
double best_of(const IbCurve& curve, double lambda) {
  double best = 0;
  for (const auto& point : curve.points()) {
    best = std::max(best, point.expressivity - lambda * point.complexity);
  }
  return best;
}

}  // namespace

TEST_CASE("small joints agree with a dense search over all channels", "[bound]") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const auto counts = random_counts(40 + seed, 3, 2 + seed % 4);
    const Envelope envelope(counts);
    const auto curve = IbCurve::solve(joint_of(counts), IbCurveOptions().tolerance(5e-4));
    for (const double lambda : {0.05, 0.15, 0.3, 0.5, 0.7}) {
      const double exact = envelope.best(lambda);
      CAPTURE(seed, lambda, exact);
      REQUIRE(best_of(curve, lambda) >= exact - 1e-3);
      REQUIRE(best_of(curve, lambda) <= exact + 2e-3);  // the grid of the search errs to the low side
    }
  }
}
