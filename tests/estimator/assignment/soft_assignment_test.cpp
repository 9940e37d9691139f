#include "estimator/assignment/soft_assignment.hpp"

#include <algorithm>
#include <array>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <limits>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

using Kernel = kernels::SoftAssignment (*)(const at::Tensor&, const kernels::AnchorPanels&, double,
                                           const std::uint8_t*);
constexpr std::array<Kernel, 2> kKernels = {kernels::soft_assignment_cpu, kernels::soft_assignment_aten};

TEST_CASE("kernels: probabilities agree with the oracle, row by row", "[estimator][kernels]") {
  struct Shape {
    std::int64_t n, d, m;
  };
  for (const auto& [n, d, m] : {Shape{1, 2, 2}, {7, 33, 15}, {200, 64, 100}, {250, 95, 97}, {48, 128, 259}}) {
    const Anchors anchors(m, d);
    const kernels::AnchorPanels panels(anchors.weight());
    const double epsilon = temperature(d, m, Calibration::leading_order());
    const at::Tensor z = normal({n, d});
    const Oracle oracle(z, anchors.weight(), epsilon);
    for (std::size_t kernel = 0; kernel < kKernels.size(); ++kernel) {
      const auto result = kKernels[kernel](z, panels, epsilon, nullptr);
      CAPTURE(n, d, m, kernel);
      CHECK(result.tokens == n);
      double worst = 0;
      std::vector<double> sum(static_cast<std::size_t>(m), 0.0);
      for (std::int64_t i = 0; i < n; ++i) {
        for (std::int64_t b = 0; b < m; ++b) {
          const double expected = oracle.row(static_cast<std::size_t>(i))[static_cast<std::size_t>(b)];
          worst = std::max(worst, std::abs(result.probabilities[static_cast<std::size_t>(i * m + b)] - expected));
          sum[static_cast<std::size_t>(b)] += expected;
        }
      }
      CHECK(worst < 3e-6);
      for (std::size_t b = 0; b < sum.size(); ++b) {
        CHECK_THAT(result.sum[b], WithinRel(sum[b], 1e-5));
      }
    }
  }
}

TEST_CASE("kernels: a row has the same bits in every batch", "[estimator][kernels]") {
  const Anchors anchors(100, 70);
  const kernels::AnchorPanels panels(anchors.weight());
  const at::Tensor z = normal({500, 70});
  const auto whole = kernels::soft_assignment_cpu(z, panels, 0.03, nullptr);
  for (const std::int64_t row : {0, 1, 47, 48, 191, 192, 499}) {
    const auto one = kernels::soft_assignment_cpu(z.slice(0, row, row + 1), panels, 0.03, nullptr);
    CHECK(std::equal(one.probabilities.get(), one.probabilities.get() + 100, whole.probabilities.get() + row * 100));
  }
}

TEST_CASE("kernels: bad rows are found, rows of any magnitude are good", "[estimator][kernels]") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Anchors anchors(50, 24);
  const kernels::AnchorPanels panels(anchors.weight());
  const at::Tensor base = normal({1, 24});
  struct Case {
    at::ScalarType type;
    std::vector<double> scales;
    double within;
  };
  const std::vector<Case> cases = {
      {at::kFloat, {1, 1e20, 1e-23, 1e30, 1e37, 1e-30, 1e-15, 1e15}, 2e-5},
      {at::kDouble, {1, 1e20, 1e-23, 1e300, 1e-300, 1e-30}, 2e-5},
      {at::kBFloat16, {1, 0x1p+60, 0x1p-60, 0x1p+120, 0x1p-100}, 2e-5},
      {at::kHalf, {1, 0x1p+12, 0x1p-8}, 2e-5},
  };
  for (const auto& [type, scales, within] : cases) {
    std::vector<at::Tensor> rows;
    for (const double scale : scales) {
      rows.push_back(base.to(type).to(at::kDouble) * scale);
    }
    at::Tensor spoiled = base.to(at::kDouble).clone();
    for (const double bad : {kNan, kInf, -kInf}) {
      spoiled[0][23] = bad;
      rows.push_back(spoiled.clone());
    }
    rows.push_back(at::zeros({1, 24}, at::kDouble));
    rows.push_back(-at::zeros({1, 24}, at::kDouble));
    const at::Tensor z = at::cat(rows).to(type);
    for (std::size_t kernel = 0; kernel < kKernels.size(); ++kernel) {
      const auto result = kKernels[kernel](z, panels, 0.05, nullptr);
      CAPTURE(type, kernel);
      CHECK(result.rejected == 5);
      CHECK(result.tokens == static_cast<std::int64_t>(scales.size()));
      CHECK(std::all_of(result.sum.begin(), result.sum.end(), [](double value) { return std::isfinite(value); }));
      for (std::size_t i = 0; i < scales.size(); ++i) {
        CAPTURE(scales[i]);
        CHECK(result.used[i] == 1);
        double worst = 0;
        for (std::size_t b = 0; b < 50; ++b) {
          const double difference = result.probabilities[i * 50 + b] - result.probabilities[b];
          worst = std::max(worst, std::abs(difference));
        }
        CHECK(worst < within);
      }
      for (std::size_t i = scales.size(); i < result.used.size(); ++i) {
        CHECK(result.used[i] == 0);
      }
    }
  }
}

TEST_CASE("kernels: rows that are subnormal as a whole still have a direction", "[estimator][kernels]") {
  const Anchors anchors(50, 8);
  const kernels::AnchorPanels panels(anchors.weight());
  const at::Tensor z = at::tensor({3.0, -2.0, 1.0, 4.0, -5.0, 2.0, 7.0, -1.0}, at::kDouble).reshape({1, 8});
  const at::Tensor tiny = (z * 0x1p-149).to(at::kFloat);  // multiples of the smallest float
  REQUIRE(tiny.abs().max().item<float>() > 0);
  const auto expected = kernels::soft_assignment_cpu(z, panels, 0.1, nullptr);
  const auto got = kernels::soft_assignment_cpu(tiny, panels, 0.1, nullptr);
  CHECK(got.tokens == 1);
  CHECK(std::equal(got.probabilities.get(), got.probabilities.get() + 50, expected.probabilities.get()));
}

TEST_CASE("kernels: very sharp assignments stay finite and sum to one", "[estimator][kernels]") {
  const Anchors anchors(100, 2);
  const kernels::AnchorPanels panels(anchors.weight());
  const auto result = kernels::soft_assignment_cpu(normal({500, 2}), panels, temperature(2, 1024), nullptr);
  for (std::size_t i = 0; i < 500; ++i) {
    double total = 0;
    for (std::size_t b = 0; b < 100; ++b) {
      total += result.probabilities[i * 100 + b];
    }
    CHECK_THAT(total, WithinAbs(1, 1e-6));
  }
}

}  // namespace
}  // namespace infoplane::estimator
