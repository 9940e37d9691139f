// Every row of the table of bad input, each as a section of its name.
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <functional>
#include <infoplane/core/error.hpp>
#include <limits>

#include "estimator/oracle.hpp"
#include "estimator/same_bits.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::Message;
using Catch::Matchers::WithinAbs;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr std::int64_t kRows = 60;
constexpr std::int64_t kDimension = 8;

SoftEntropyAccumulator empty_accumulator() {
  return SoftEntropyAccumulator(kDimension, SoftEntropyOptions().anchors(10));
}

std::vector<std::int64_t> four_labels() { return some_labels(kRows, 4); }

/// What is left of z and its labels without the rows that are bad.
void check_against_oracle(const SoftEntropyAccumulator& accumulator, const at::Tensor& z,
                          const std::vector<std::int64_t>& labels, std::int64_t rejected) {
  const Oracle oracle(z, accumulator.anchors().weight(), accumulator.temperature());
  const Estimate estimate = accumulator.estimate();
  CHECK(estimate.rejected == rejected);
  CHECK(estimate.tokens == z.size(0) - rejected);
  CHECK_THAT(estimate.entropy_nats, WithinAbs(oracle.entropy(), 1e-6));
  CHECK(set_of(estimate, "x").tokens == oracle.information(labels).tokens);
  CHECK_THAT(set_of(estimate, "x").information_nats, WithinAbs(oracle.information(labels).information, 1e-6));
}

/// An update that throws says why and leaves the accumulator as it was, memory included, and as useful.
template <typename Exception>
void check_refused(const std::string& message, const std::function<void(SoftEntropyAccumulator&)>& call) {
  SoftEntropyAccumulator accumulator = empty_accumulator();
  accumulator.update(normal({kRows, kDimension}), {{"x", to_tensor(four_labels())}});
  SoftEntropyAccumulator untouched = accumulator;
  const auto memory = accumulator.memory_bytes();
  CHECK_THROWS_MATCHES(call(accumulator), Exception, Message(message));
  CHECK(same_bits(accumulator.estimate(), untouched.estimate()));
  CHECK(accumulator.memory_bytes() == memory);
  for (auto* const either : {&accumulator, &untouched}) {
    either->update(normal({kRows, kDimension}, 2), {{"x", to_tensor(some_labels(kRows, 6))}});
  }
  CHECK(same_bits(accumulator.estimate(), untouched.estimate()));
}

TEST_CASE("bad input table: rows of z", "[estimator][errors]") {
  SoftEntropyAccumulator accumulator = empty_accumulator();
  at::Tensor z = normal({kRows, kDimension}, 3);
  std::int64_t rejected = 0;
  const auto update = [&] { accumulator.update(z, {{"x", to_tensor(four_labels())}}); };
  SECTION("zero rows") {
    z.slice(0, 0, 5).zero_();
    z[7].zero_().neg_();  // −0
    rejected = 6;
    update();
  }
  SECTION("NaN") {
    for (std::int64_t i = 0; i < kDimension; ++i) {
      z[i][i] = kNan;
    }
    rejected = kDimension;
    update();
  }
  SECTION("Inf") {
    z[0][0] = kInf;
    z[1][7] = -kInf;
    z[2].fill_(kInf);
    rejected = 3;
    update();
  }
  SECTION("1e20") {
    z.mul_(1e20);
    update();
  }
  SECTION("1e-23") {
    z.mul_(1e-23);
    update();
  }
  SECTION("norms under 1e-12") {
    z.slice(0, 0, 20).mul_(1e-13);
    z.slice(0, 20, 40).mul_(1e-30);
    z.slice(0, 40, 60).mul_(1e-37);
    update();
  }
  check_against_oracle(accumulator, z, four_labels(), rejected);
}

TEST_CASE("bad input table: only bad rows", "[estimator][errors]") {
  SoftEntropyAccumulator accumulator = empty_accumulator();
  accumulator.update(at::zeros({kRows, kDimension}), {{"x", to_tensor(four_labels())}});
  const Estimate estimate = accumulator.estimate();
  CHECK(estimate.rejected == kRows);
  CHECK(estimate.tokens == 0);
  CHECK(std::isnan(estimate.entropy_nats));
  CHECK(set_of(estimate, "x").tokens == 0);
  CHECK(std::isnan(set_of(estimate, "x").information_nats));
}

TEST_CASE("bad input table: order of updates", "[estimator][errors]") {
  SoftEntropyAccumulator accumulator = empty_accumulator();
  const at::Tensor z = normal({kRows, kDimension}, 4);
  const at::Tensor no_rows = at::empty({0, kDimension});
  const at::Tensor no_labels = at::empty({0}, at::kLong);
  SECTION("empty batch alone") {
    accumulator.update(no_rows, {{"x", no_labels}});
    accumulator.update(at::empty({0, 5, kDimension}), {{"x", at::empty({0, 5}, at::kLong)}});
    CHECK(accumulator.estimate().tokens == 0);
    CHECK(accumulator.estimate().rejected == 0);
    CHECK(std::isnan(accumulator.estimate().entropy_nats));
    CHECK(std::isnan(set_of(accumulator.estimate(), "x").information_nats));
  }
  SECTION("empty batch after data") {
    accumulator.update(z, {{"x", to_tensor(four_labels())}});
    const Estimate before = accumulator.estimate();
    accumulator.update(no_rows, {{"x", no_labels}});
    accumulator.update(no_rows);
    CHECK(same_bits(accumulator.estimate(), before));
  }
  SECTION("estimate before data") {
    CHECK(accumulator.estimate().tokens == 0);
    CHECK(accumulator.estimate().anchors == 10);
    CHECK(std::isnan(accumulator.estimate().entropy_nats));
    CHECK(std::isnan(accumulator.estimate().corrected_entropy_nats));
    CHECK(std::isnan(accumulator.estimate().entropy_standard_error_nats));
    CHECK(accumulator.estimate().sequences == 0);
    CHECK(accumulator.estimate().sets.empty());
  }
  SECTION("unlabelled batch after labelled ones") {
    accumulator.update(z, {{"x", to_tensor(four_labels())}});
    const InformationEstimate before = set_of(accumulator.estimate(), "x");
    accumulator.update(normal({500, kDimension}, 9) + 2);
    CHECK(accumulator.estimate().tokens == kRows + 500);
    CHECK(set_of(accumulator.estimate(), "x").tokens == kRows);
    CHECK(set_of(accumulator.estimate(), "x").information_nats == before.information_nats);
    CHECK(set_of(accumulator.estimate(), "x").entropy_nats == before.entropy_nats);
  }
  SECTION("one of two sets missing") {
    const auto other = some_labels(kRows, 3, 5);
    accumulator.update(z, {{"x", to_tensor(four_labels())}, {"y", to_tensor(other)}});
    const InformationEstimate y = set_of(accumulator.estimate(), "y");
    const at::Tensor more = normal({kRows, kDimension}, 6);
    accumulator.update(more, {{"x", to_tensor(four_labels())}});
    CHECK(set_of(accumulator.estimate(), "y").tokens == kRows);
    CHECK(set_of(accumulator.estimate(), "y").information_nats == y.information_nats);
    auto once = four_labels(), twice = once;
    twice.insert(twice.end(), once.begin(), once.end());
    check_against_oracle(accumulator, at::cat({z, more}), twice, 0);
  }
}

TEST_CASE("bad input table: labels", "[estimator][errors]") {
  const at::Tensor z = normal({kRows, kDimension}, 4);
  const at::Tensor good = to_tensor(four_labels());
  const auto refused = [&z](const std::string& message, const at::Tensor& labels) {
    check_refused<ShapeError>(message, [&](auto& accumulator) { accumulator.update(z, {{"x", labels}}); });
  };
  SECTION("labels too short") {
    refused("the labels \"x\" are [59] (Long), but z is [60, 8] (Float): give one label for each row",
            good.slice(0, 1));
    refused("the labels \"x\" are [0] (Long), but z is [60, 8] (Float): give one label for each row",
            good.slice(0, 60));
  }
  SECTION("labels too long") {
    refused("the labels \"x\" are [120] (Long), but z is [60, 8] (Float): give one label for each row",
            good.repeat({2}));
  }
  SECTION("labels 2-D") {
    refused("the labels \"x\" are [6, 10] (Long), but z is [60, 8] (Float): give one label for each row",
            good.reshape({6, 10}));
    refused("the labels \"x\" are [60, 1] (Long), but z is [60, 8] (Float): give one label for each row",
            good.reshape({60, 1}));
  }
  SECTION("labels float") {
    refused("the labels \"x\" must be a dense tensor of integers, got [60] (Double)", good.to(at::kDouble));
    refused("the labels \"x\" must be a dense tensor of integers, got [60] (ComplexFloat)", good.to(at::kComplexFloat));
  }
  SECTION("labels on a wrong device") {
    refused("the labels \"x\" must be a dense tensor of integers, got [60] (Long)",
            at::empty({kRows}, at::TensorOptions(at::kLong).device(at::kMeta)));
  }
  SECTION("labels NaN") {
    refused("the labels \"x\" must be a dense tensor of integers, got [60] (Float)", at::full({kRows}, kNan));
  }
  SECTION("labels negative") {
    auto labels = four_labels();
    labels[0] = -1;
    labels[1] = -100;
    labels[2] = -2;
    labels[3] = -101;
    SoftEntropyAccumulator accumulator = empty_accumulator();
    accumulator.update(z, {{"x", to_tensor(labels)}});
    CHECK(set_of(accumulator.estimate(), "x").tokens == kRows - 2);
    CHECK(set_of(accumulator.estimate(), "x").labels == 6);
    check_against_oracle(accumulator, z, labels, 0);
  }
  SECTION("labels at ±2^63") {
    constexpr auto kLowest = std::numeric_limits<std::int64_t>::min();
    constexpr auto kHighest = std::numeric_limits<std::int64_t>::max();
    auto labels = four_labels();
    labels[0] = labels[5] = kLowest;
    labels[1] = labels[6] = kHighest;
    labels[2] = kHighest - 1;
    SoftEntropyAccumulator accumulator = empty_accumulator();
    accumulator.update(z, {{"x", to_tensor(labels)}});
    check_against_oracle(accumulator, z, labels, 0);
    const auto keys = accumulator.conditional_entropies("x");
    CHECK(keys.at(0).key == std::vector{kLowest});
    CHECK(keys.at(0).tokens == 2);
    CHECK(keys.at(1).key == std::vector{kHighest});
    CHECK(keys.at(2).key == std::vector{kHighest - 1});
    // 2^63 itself and above exist in uint64 only; as int64 the largest would read "no label".
    const at::Tensor unsigned_labels = to_tensor(four_labels()).to(at::kUInt64);
    unsigned_labels.mutable_data_ptr<std::uint64_t>()[3] = std::uint64_t{1} << 63U;
    check_refused<ArgumentError>(
        "the labels \"x\" have 9223372036854775808 at position 3: labels are 64-bit integers with a sign, at most "
        "9223372036854775807",
        [&](auto& other) {
          other.update(z, {{"x", unsigned_labels}});
        });
    unsigned_labels.mutable_data_ptr<std::uint64_t>()[3] = static_cast<std::uint64_t>(kHighest);
    SoftEntropyAccumulator of_unsigned = empty_accumulator();
    of_unsigned.update(z, {{"x", unsigned_labels}});
    CHECK(set_of(of_unsigned.estimate(), "x").tokens == kRows);
  }
}

TEST_CASE("bad input table: shape and kind of z", "[estimator][errors]") {
  const at::Tensor z = normal({kRows, kDimension}, 4);
  const auto refused = [](const std::string& message, const at::Tensor& bad) {
    check_refused<ShapeError>(message, [&](auto& accumulator) { accumulator.update(bad); });
  };
  SoftEntropyAccumulator plain = empty_accumulator();
  plain.update(z, {{"x", to_tensor(four_labels())}});
  const auto gives_the_same = [&plain](const at::Tensor& other, const at::Tensor& labels) {
    SoftEntropyAccumulator accumulator = empty_accumulator();
    accumulator.update(other, {{"x", labels}});
    const Estimate estimate = accumulator.estimate();
    const Estimate expected = plain.estimate();
    CHECK(estimate.entropy_nats == expected.entropy_nats);
    CHECK(set_of(estimate, "x").tokens == set_of(expected, "x").tokens);
    CHECK(set_of(estimate, "x").labels == set_of(expected, "x").labels);
    // Tokens of one sequence share a row of sums, so other shapes add in another order.
    CHECK_THAT(set_of(estimate, "x").information_nats, WithinAbs(set_of(expected, "x").information_nats, 1e-6));
  };
  SECTION("z 1-D") { refused("z must be [N, d] or [B, T, d], got [8] (Float)", z[0]); }
  SECTION("z 3-D") {
    gives_the_same(z.reshape({6, 10, kDimension}), to_tensor(four_labels()).reshape({6, 10}));
    gives_the_same(z.reshape({6, 10, kDimension}), to_tensor(four_labels()));
    refused("z must be [N, d] or [B, T, d], got [3, 4, 5, 8] (Float)", z.reshape({3, 4, 5, 8}));
  }
  SECTION("z of wrong d") {
    refused("z must have d = 8 in its last axis, got [60, 7] (Float)", z.slice(1, 0, 7));
    refused("z must have d = 8 in its last axis, got [8, 60] (Float)", z.t());
    refused("z must have d = 8 in its last axis, got [60, 0] (Float)", at::empty({60, 0}));
  }
  SECTION("z on a wrong device") {
    refused("z must be a dense tensor with data, got layout Strided on device meta",
            at::empty({kRows, kDimension}, at::TensorOptions().device(at::kMeta)));
  }
  SECTION("z integer") {
    refused("z must be float64, float32, float16 or bfloat16, got [60, 8] (Int)", z.to(at::kInt));
    refused("z must be float64, float32, float16 or bfloat16, got [60, 8] (Bool)", z.to(at::kBool));
  }
  SECTION("z complex") {
    refused("z must be float64, float32, float16 or bfloat16, got [60, 8] (ComplexDouble)", z.to(at::kComplexDouble));
    const at::Tensor imaginary = at::complex(at::zeros_like(z), -z).conj();
    REQUIRE(at::imag(imaginary).is_neg());  // a view with a pending sign
    gives_the_same(at::imag(imaginary), to_tensor(four_labels()));
  }
  SECTION("z requires grad") {
    const at::Tensor leaf = z.clone().set_requires_grad(true);
    gives_the_same(leaf, to_tensor(four_labels()));
    const at::Tensor result = leaf * 1;
    gives_the_same(result, to_tensor(four_labels()));
    CHECK(result.use_count() == 1);
    CHECK_FALSE(leaf.grad().defined());
  }
  SECTION("z non-contiguous") {
    gives_the_same(z.t().contiguous().t(), to_tensor(four_labels()));
    gives_the_same(at::stack({z, z}, 2).select(2, 1), to_tensor(four_labels()));
    gives_the_same(z.flip(0).flip(0), to_tensor(four_labels()));
  }
  SECTION("z aliased") {
    // Rows that share memory, rows that overlap, and the anchors themselves.
    SoftEntropyAccumulator accumulator = empty_accumulator();
    accumulator.update(z.slice(0, 0, 1).expand({kRows, kDimension}), {{"x", to_tensor(four_labels())}});
    check_against_oracle(accumulator, z.slice(0, 0, 1).repeat({kRows, 1}), four_labels(), 0);
    const at::Tensor line = normal({kRows + kDimension}, 8);
    SoftEntropyAccumulator overlapping = empty_accumulator();
    overlapping.update(line.as_strided({kRows, kDimension}, {1, 1}), {{"x", to_tensor(four_labels())}});
    check_against_oracle(overlapping, line.as_strided({kRows, kDimension}, {1, 1}).clone(), four_labels(), 0);
    SoftEntropyAccumulator own = empty_accumulator();
    const at::Tensor before = own.anchors().weight().clone();
    own.update(own.anchors().weight());
    CHECK(own.estimate().tokens == 10);
    CHECK(at::equal(own.anchors().weight(), before));
  }
  SECTION("z that stands for zeros without memory") {
    SoftEntropyAccumulator accumulator = empty_accumulator();
    accumulator.update(at::_efficientzerotensor({3, kDimension}, at::TensorOptions(at::kFloat)));
    CHECK(accumulator.estimate().rejected == 3);
  }
}

TEST_CASE("bad input table: options", "[estimator][errors]") {
  SECTION("m = 1") {
    CHECK_THROWS_MATCHES(SoftEntropyAccumulator(8, SoftEntropyOptions().anchors(1)), ArgumentError,
                         Message("soft entropy needs at least 2 anchors, got m = 1"));
  }
  SECTION("d = 1") {
    CHECK_THROWS_MATCHES(SoftEntropyAccumulator(1), ArgumentError,
                         Message("soft entropy needs a dimension d of at least 2, got 1"));
  }
  SECTION("seed at 2^64−1") {
    constexpr auto kHighest = std::numeric_limits<std::uint64_t>::max();
    for (const bool raw : {false, true}) {
      SoftEntropyAccumulator accumulator(8, SoftEntropyOptions().anchors(10).seed(kHighest).raw_seed(raw));
      accumulator.update(normal({kRows, 8}), {{"x", to_tensor(four_labels())}});
      CHECK(accumulator.anchors().seed() == kHighest);
      check_against_oracle(accumulator, normal({kRows, 8}), four_labels(), 0);
    }
  }
}

}  // namespace
}  // namespace infoplane::estimator
