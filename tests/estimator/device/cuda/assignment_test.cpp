#include <algorithm>
#include <cmath>
#include <infoplane/core/hash.hpp>
#include <infoplane/estimator/assignment/anchors.hpp>
#include <infoplane/estimator/assignment/temperature.hpp>
#include <limits>

#include "estimator/device/cuda/kernel_runs.hpp"
#include "estimator/oracle.hpp"

namespace infoplane::estimator::cuda::test {
namespace {

/// Largest difference from float64, over all rows that have an assignment there, in probabilities.
double worst(const Assigned& got, const at::Tensor& z, const at::Tensor& weight, double epsilon) {
  const Oracle oracle(z, weight, epsilon);
  const auto m = static_cast<std::size_t>(weight.size(0));
  double result = 0;
  for (std::size_t i = 0; i < got.status.size(); ++i) {
    for (std::size_t b = 0; b < oracle.row(i).size(); ++b) {
      const double difference = std::abs(static_cast<double>(got.probabilities[i * m + b]) - oracle.row(i)[b]);
      result = std::isnan(difference) ? HUGE_VAL : std::max(result, difference);
    }
  }
  return result;
}

constexpr std::array kTypes = {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16};

TEST_CASE("cuda assignment: probabilities, sum and counts agree with float64 at any shape and dtype",
          "[cuda][needs:gpu]") {
  require_device();
  struct Shape {
    std::int64_t n, d, m;
  };
  for (const auto& [n, d, m] : {Shape{1, 2, 2},
                                {7, 33, 15},
                                {65, 64, 100},
                                {130, 95, 129},
                                {33, 130, 259},
                                {20, 70, 513},
                                {3, 16, 1100},
                                {17, 1030, 8}}) {
    const Anchors anchors(m, d);
    const double epsilon = temperature(d, m, Calibration::leading_order());
    for (const auto type : kTypes) {
      CAPTURE(n, d, m, type);
      const at::Tensor z = normal({n, d}).to(type);
      const Assigned got = assign(z, anchors.weight(), epsilon);
      CHECK(got.tokens == std::vector<std::int64_t>{n, 0});
      CHECK(std::all_of(got.status.begin(), got.status.end(), [](std::uint8_t status) { return status == kUsed; }));
      CHECK(worst(got, z, anchors.weight(), epsilon) < (type == at::kBFloat16 || type == at::kHalf ? 2e-5 : 2e-6));
      const Oracle oracle(z, anchors.weight(), epsilon);
      for (std::int64_t i = 0; i < n; ++i) {
        const auto& p = oracle.row(static_cast<std::size_t>(i));
        const double entropy = entropy_of(p.data(), m);
        CHECK(std::abs(static_cast<double>(got.entropies[static_cast<std::size_t>(i)]) - entropy) <
              (type == at::kBFloat16 || type == at::kHalf ? 2e-4 : 2e-5));
      }
      for (std::int64_t b = 0; b < m; ++b) {
        double sum = 0;
        for (std::int64_t i = 0; i < n; ++i) {
          sum += static_cast<double>(got.probabilities[static_cast<std::size_t>(i * m + b)]);
        }
        CHECK(std::abs(got.sum[static_cast<std::size_t>(b)] - sum) < 1e-12);
      }
    }
  }
}

TEST_CASE("cuda assignment: sums of unit vectors and of norms agree with float64", "[cuda][needs:gpu]") {
  require_device();
  struct Shape {
    std::int64_t n, d, m;
  };
  for (const auto& [n, d, m] : {Shape{1, 2, 2}, {300, 130, 100}, {65, 257, 513}, {700, 64, 20}}) {
    const Anchors anchors(m, d);
    for (const auto type : kTypes) {
      CAPTURE(n, d, m, type);
      at::Tensor z = normal({n, d}).add(normal({d}, 7)).to(type);
      std::vector<std::uint8_t> counted(static_cast<std::size_t>(n), 1);
      std::vector<std::int64_t> good;
      if (n > 10) {
        z[3].zero_();
        z[5][1] = std::numeric_limits<double>::quiet_NaN();
        z[6].mul_(type == at::kDouble ? 1e-200 : type == at::kHalf ? 1.0 : 1e-25);
        counted[8] = 0;
      }
      for (std::int64_t i = 0; i < n; ++i) {
        if (n <= 10 || (i != 3 && i != 5 && i != 8)) {
          good.push_back(i);
        }
      }
      const at::Tensor values = z.index_select(0, to_tensor(good)).to(at::kDouble);
      const at::Tensor peaks = values.abs().amax({1}, true);
      const at::Tensor units = values.div(peaks).div(values.div(peaks).norm(2, {1}, true)).sum(0).mul(kDirectionUnit);
      const double norms = values.div(peaks).norm(2, {1}, true).mul(peaks).reciprocal().sum().item<double>();
      const Assigned got = assign(z, anchors.weight(), 0.1, counted);
      for (std::int64_t k = 0; k < d; ++k) {
        CHECK(std::abs(static_cast<double>(got.directions[static_cast<std::size_t>(k)]) - units[k].item<double>()) <
              static_cast<double>(n) + 10);
      }
      CHECK(std::abs(got.inverse_norms[0] / norms - 1) < 1e-6);
      CHECK(assign(z, anchors.weight(), 0.1, counted).directions == got.directions);
    }
  }
}

TEST_CASE("cuda assignment: random shapes, dtypes, strides and offsets agree with float64", "[cuda][needs:gpu]") {
  require_device();
  std::uint64_t state = 20261127;
  const auto between = [&state](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(splitmix64(state++) % static_cast<std::uint64_t>(high - low + 1));
  };
  for (int round = 0; round < 30; ++round) {
    const std::int64_t n = between(1, 70), m = between(2, 300), d = between(2, 200);
    const std::int64_t offset = between(0, 5), beyond = between(0, 9);
    const auto type = kTypes.at(static_cast<std::size_t>(between(0, 3)));
    CAPTURE(round, n, d, m, offset, beyond, type);
    const at::Tensor whole = normal({n, offset + d + beyond}, static_cast<std::uint64_t>(round)).to(type);
    const at::Tensor z = whole.narrow(1, offset, d);
    const Anchors anchors(m, d);
    const double epsilon = temperature(d, m, Calibration::leading_order());
    const Assigned got = assign(z, anchors.weight(), epsilon);
    CHECK(got.tokens == std::vector<std::int64_t>{n, 0});
    CHECK(worst(got, z, anchors.weight(), epsilon) < (type == at::kBFloat16 || type == at::kHalf ? 2e-5 : 2e-6));
  }
}

TEST_CASE("cuda assignment: the widest rows and the most anchors", "[cuda][needs:gpu]") {
  require_device();
  struct Shape {
    std::int64_t n, d, m;
  };
  for (const auto& [n, d, m] : {Shape{2, 65536, 3}, {2, 5, 4096}}) {
    const Anchors anchors(m, d);
    const double epsilon = temperature(d, m, Calibration::leading_order());
    const at::Tensor z = normal({n, d});
    CAPTURE(d, m);
    CHECK(worst(assign(z, anchors.weight(), epsilon), z, anchors.weight(), epsilon) < 2e-6);
  }
}

TEST_CASE("cuda assignment: strides, offsets and three axes without a copy", "[cuda][needs:gpu]") {
  require_device();
  const Anchors anchors(40, 48);
  for (const auto type : kTypes) {
    const at::Tensor base = normal({6, 9, 100}).to(type);
    const std::vector<at::Tensor> views = {
        base.slice(2, 0, 48),                       // rows apart, aligned or not with the type
        base.slice(2, 1, 49),                       // not aligned
        base.slice(2, 2, 98, 2),                    // values apart
        base.transpose(0, 1).slice(2, 0, 48),       // [T, B] memory
        base[2].slice(1, 3, 51),                    // an offset
        normal({48, 33}).to(type).t(),              // columns
        normal({1, 48}).to(type).expand({21, 48}),  // one row many times
        base.slice(0, 0, 0).slice(2, 0, 48),        // none
    };
    for (std::size_t i = 0; i < views.size(); ++i) {
      CAPTURE(type, i);
      const Assigned got = assign(views[i], anchors.weight(), 0.05);
      CHECK(got.tokens == std::vector<std::int64_t>{views[i].numel() / 48, 0});
      CHECK(worst(got, views[i], anchors.weight(), 0.05) < 2e-5);
      const Assigned copied = assign(views[i].contiguous(), anchors.weight(), 0.05);
      CHECK(got.probabilities == copied.probabilities);
      CHECK(got.sum == copied.sum);
    }
  }
}

TEST_CASE("cuda assignment: bad rows are found, rows of any magnitude are good", "[cuda][needs:gpu]") {
  require_device();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const at::Tensor base = normal({1, 24});
  struct Case {
    at::ScalarType type;
    std::vector<double> scales;
  };
  for (const std::int64_t m : {50, 300, 600}) {
    const Anchors anchors(m, 24);
    for (const auto& [type, scales] : std::vector<Case>{{at::kFloat, {1, 1e20, 1e-23, 1e30, 1e37, 1e-30, 1e-15, 1e15}},
                                                        {at::kDouble, {1, 1e20, 1e-23, 1e300, 1e-300, 1e-30}},
                                                        {at::kBFloat16, {1, 0x1p+60, 0x1p-60, 0x1p+120, 0x1p-100}},
                                                        {at::kHalf, {1, 0x1p+12, 0x1p-8}}}) {
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
      const Assigned got = assign(z, anchors.weight(), 0.05);
      CAPTURE(m, type);
      CHECK(got.tokens == std::vector<std::int64_t>{static_cast<std::int64_t>(scales.size()), 5});
      CHECK(worst(got, z, anchors.weight(), 0.05) < 2e-5);
      for (std::size_t i = 0; i < got.status.size(); ++i) {
        CHECK(got.status[i] == (i < scales.size() ? kUsed : kRejected));
      }
      const auto bad_rows = got.probabilities.begin() + static_cast<std::ptrdiff_t>(scales.size()) * m;
      CHECK(std::all_of(bad_rows, got.probabilities.end(), [](float value) { return value == 0; }));
      CHECK(std::all_of(got.sum.begin(), got.sum.end(), [](double value) { return std::isfinite(value); }));
    }
  }
}

TEST_CASE("cuda assignment: a row that is subnormal as a whole has its direction", "[cuda][needs:gpu]") {
  require_device();
  const Anchors anchors(50, 8);
  const at::Tensor z = at::tensor({3.0, -2.0, 1.0, 4.0, -5.0, 2.0, 7.0, -1.0}, at::kDouble).reshape({1, 8});
  const Assigned expected = assign(z.to(at::kFloat), anchors.weight(), 0.1);
  const Assigned got = assign((z * 0x1p-149).to(at::kFloat), anchors.weight(), 0.1);
  CHECK(got.tokens == std::vector<std::int64_t>{1, 0});
  for (std::size_t b = 0; b < 50; ++b) {
    CHECK(std::abs(got.probabilities[b] - expected.probabilities[b]) < 1e-6F);
  }
}

TEST_CASE("cuda assignment: positions that do not count are in no sum, whatever they hold", "[cuda][needs:gpu]") {
  require_device();
  const Anchors anchors(20, 30);
  at::Tensor z = normal({70, 30});
  std::vector<std::uint8_t> counted(70, 1);
  for (const std::int64_t i : {0, 3, 16, 69}) {
    counted[static_cast<std::size_t>(i)] = 0;
    z[i].fill_(std::numeric_limits<float>::quiet_NaN());
  }
  z[5].fill_(0);
  const Assigned got = assign(z, anchors.weight(), 0.1, counted);
  CHECK(got.tokens == std::vector<std::int64_t>{65, 1});
  CHECK(got.status[3] == kNotCounted);
  CHECK(got.entropies[3] == 0);
  CHECK(got.entropies[5] == 0);
  CHECK(got.status[5] == kRejected);
  double total = 0;
  for (const double value : got.sum) {
    total += value;
  }
  CHECK(std::abs(total - 65) < 1e-5);
}

TEST_CASE("cuda assignment: the same bits on every run and in every order of threads", "[cuda][needs:gpu]") {
  require_device();
  const Anchors anchors(300, 50);
  const at::Tensor z = normal({90, 50});
  const Assigned first = assign(z, anchors.weight(), 0.05);
  for (const std::uint64_t seed : {7, 8, 9}) {
    shuffle_threads(seed);
    const Assigned again = assign(z, anchors.weight(), 0.05);
    CHECK(again.probabilities == first.probabilities);
    CHECK(again.sum == first.sum);
  }
  const Assigned one = assign(z.slice(0, 41, 42), anchors.weight(), 0.05);
  CHECK(std::equal(one.probabilities.begin(), one.probabilities.end(), first.probabilities.begin() + 41 * 300));
}

}  // namespace
}  // namespace infoplane::estimator::cuda::test
