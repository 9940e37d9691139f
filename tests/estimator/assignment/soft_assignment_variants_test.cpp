#include <array>
#include <cmath>
#include <limits>

#include "estimator/assignment/soft_assignment.hpp"
#include "estimator/oracle.hpp"
#include "needs.hpp"

namespace infoplane::estimator {
namespace {

using kernels::InstructionSet;

constexpr std::array<std::int64_t, 7> kDimensions = {2, 3, 7, 17, 64, 65, 768};
constexpr std::array<std::int64_t, 5> kAnchors = {2, 3, 50, 100, 1024};
constexpr std::array kTypes = {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16};

/// A score is a float32 sum of d products, off by about 2^-23, and ε divides it; a probability is off by as much of
/// itself.
double tolerance(double epsilon) { return 1e-6 + 2.5e-7 / epsilon; }

/// Largest difference between the kernel's probabilities and the oracle's, over all rows; infinite where a row is used
/// that is bad or the other way round.
double worst_difference(const kernels::SoftAssignment& result, const Oracle& oracle, std::int64_t m) {
  double worst = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(result.rows); ++i) {
    const auto& expected = oracle.row(i);
    if (expected.empty() != (result.used[i] == 0)) {
      return std::numeric_limits<double>::infinity();
    }
    for (std::size_t b = 0; b < expected.size(); ++b) {
      const double got = result.probabilities[i * static_cast<std::size_t>(m) + b];
      worst =
          std::isfinite(got) ? std::max(worst, std::abs(got - expected[b])) : std::numeric_limits<double>::infinity();
    }
  }
  return worst;
}

/// The same of H(p) of the rows that are used, in nats.
double worst_entropy(const kernels::SoftAssignment& result, const Oracle& oracle) {
  double worst = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(result.rows); ++i) {
    double entropy = 0;
    for (const double p : oracle.row(i)) {
      entropy -= p > 0 ? p * std::log(p) : 0.0;
    }
    worst =
        oracle.row(i).empty() ? worst : std::max(worst, std::abs(static_cast<double>(result.entropies[i]) - entropy));
  }
  return worst;
}

/// Representations of this size: of ordinary magnitude, tiny, huge, and, from 8 rows on, three bad ones.
at::Tensor rows(std::int64_t n, std::int64_t d, at::ScalarType type) {
  at::Tensor z = normal({n, d}, static_cast<std::uint64_t>(n + d)).to(at::kDouble);
  if (n >= 8) {
    z[1].zero_();
    z[2][d - 1] = std::numeric_limits<double>::quiet_NaN();
    z[3][0] = -std::numeric_limits<double>::infinity();
    if (type != at::kHalf) {
      z[4].mul_(1e20);
      z[5].mul_(1e-23);
    }
  }
  return z.to(type);
}

/// At odd sizes and in every dtype.
void agrees_with_oracle(InstructionSet set) {
  for (const std::int64_t d : kDimensions) {
    for (const std::int64_t m : kAnchors) {
      const Anchors anchors(m, d, 5);
      const kernels::AnchorPanels panels(anchors.weight(), set);
      CHECK(panels.instruction_set() == set);
      const double epsilon = temperature(d, m);
      for (const at::ScalarType type : kTypes) {
        CAPTURE(d, m, type);
        const at::Tensor z = rows(53, d, type);  // one block of rows and a part of a group
        const auto result = kernels::soft_assignment_cpu(z, panels, epsilon, nullptr);
        CHECK(result.tokens == 50);
        CHECK(result.rejected == 3);
        const Oracle oracle(z, anchors.weight(), epsilon);
        CHECK(worst_difference(result, oracle, m) < tolerance(epsilon));
        CHECK(worst_entropy(result, oracle) < 4 * tolerance(epsilon));
      }
    }
  }
}

/// One row, and strided rows, give the bits of contiguous ones.
void same_bits_of_any_view(InstructionSet set) {
  for (const std::int64_t d : kDimensions) {
    const Anchors anchors(50, d);
    const kernels::AnchorPanels panels(anchors.weight(), set);
    const double epsilon = temperature(d, 50);
    for (const at::ScalarType type : kTypes) {
      CAPTURE(d, type);
      const at::Tensor z = rows(20, d, type);
      const auto whole = kernels::soft_assignment_cpu(z, panels, epsilon, nullptr);
      const at::Tensor transposed = z.t().contiguous().t();
      const at::Tensor every_third = at::stack({z, z + 1, z + 2}, 2).select(2, 0);
      const at::Tensor padded = at::cat({z, z}, 1).slice(1, 0, d);
      const at::Tensor three_axes = z.reshape({4, 5, d}).transpose(0, 1).contiguous().transpose(0, 1);
      for (const at::Tensor& view : {transposed, every_third, padded, three_axes}) {
        const auto got = kernels::soft_assignment_cpu(view, panels, epsilon, nullptr);
        CHECK(got.used == whole.used);
        CHECK(got.sum == whole.sum);
      }
      for (std::int64_t i = 0; i < z.size(0); ++i) {
        const auto one = kernels::soft_assignment_cpu(z.slice(0, i, i + 1), panels, epsilon, nullptr);
        REQUIRE(one.used[0] == whole.used[static_cast<std::size_t>(i)]);
        const float* const p = one.probabilities.get();
        CHECK((one.used[0] == 0 || std::equal(p, p + 50, whole.probabilities.get() + i * 50)));
      }
    }
  }
}

/// Rows that do not count.
void uncounted_rows_in_no_sum(InstructionSet set) {
  const Anchors anchors(33, 7);
  const kernels::AnchorPanels panels(anchors.weight(), set);
  const at::Tensor z = rows(400, 7, at::kFloat);
  std::vector<std::uint8_t> counted(400);
  std::vector<std::int64_t> kept;
  for (std::size_t i = 0; i < counted.size(); ++i) {
    counted[i] = i % 3 == 1 ? 1 : 0;  // of the bad rows 1, 2 and 3 only the first
    if (counted[i] != 0) {
      kept.push_back(static_cast<std::int64_t>(i));
    }
  }
  const auto got = kernels::soft_assignment_cpu(z, panels, 0.1, counted.data());
  const auto expected = kernels::soft_assignment_cpu(z.index_select(0, to_tensor(kept)), panels, 0.1, nullptr);
  CHECK(got.tokens == expected.tokens);
  CHECK(got.rejected == 1);
  CHECK(got.rejected == expected.rejected);
  for (std::size_t b = 0; b < 33; ++b) {
    CHECK(std::abs(got.sum[b] - expected.sum[b]) < 1e-12);
  }
}

/// The variants that a CPU may lack are cases of their own.
void require_right(InstructionSet set) {
  SECTION("it agrees with the float64 oracle at odd sizes and in every dtype") { agrees_with_oracle(set); }
  SECTION("one row, and strided rows, give the bits of contiguous ones") { same_bits_of_any_view(set); }
  SECTION("rows that do not count are in no sum") { uncounted_rows_in_no_sum(set); }
}

TEST_CASE("kernel variants: portable", "[estimator][kernels]") { require_right(InstructionSet::kPortable); }

TEST_CASE("kernel variants: AVX2", "[estimator][kernels][needs:avx2]") {
  infoplane::test::needs("avx2", kernels::is_supported(InstructionSet::kAvx2), "this CPU has no AVX2");
  require_right(InstructionSet::kAvx2);
}

TEST_CASE("kernel variants: AVX-512", "[estimator][kernels][needs:avx512]") {
  infoplane::test::needs("avx512", kernels::is_supported(InstructionSet::kAvx512), "this CPU has no AVX-512");
  require_right(InstructionSet::kAvx512);
}

TEST_CASE("kernel variants: the widest supported one is taken", "[estimator][kernels]") {
  CHECK(kernels::is_supported(InstructionSet::kPortable));
  CHECK(kernels::is_supported(kernels::best_instruction_set()));
  for (const auto set : {InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    CHECK((!kernels::is_supported(set) || kernels::best_instruction_set() >= set));
  }
  CHECK(kernels::AnchorPanels(Anchors(3, 2).weight()).instruction_set() == kernels::best_instruction_set());
}

}  // namespace
}  // namespace infoplane::estimator
