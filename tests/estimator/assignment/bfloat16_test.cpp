#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;

/// I(a;Z) and I(b;Z) as efficiencies.
struct Information {
  double a, b;
};

struct Case {
  at::Tensor z;
  SoftEntropyOptions options;
  std::vector<std::int64_t> a, b;
};

Case make_case(const at::Tensor& z, const SoftEntropyOptions& options) {
  Case result{z, options, {}, {}};
  for (std::int64_t i = 0; i < z.size(0); ++i) {
    result.a.push_back(i % 7);
    result.b.push_back((i * i + 3 * i) % 64);
  }
  return result;
}

Information measured(const Case& with, const at::Tensor& z) {
  SoftEntropyAccumulator accumulator(z.size(1), with.options);
  accumulator.update(z, {{"a", to_tensor(with.a)}, {"b", to_tensor(with.b)}});
  const Estimate estimate = accumulator.estimate();
  return {set_of(estimate, "a").information_nats / std::log(100.0),
          set_of(estimate, "b").information_nats / std::log(100.0)};
}

Information exact(const Case& with, const at::Tensor& z) {
  const SoftEntropyAccumulator accumulator(z.size(1), with.options);
  const Oracle oracle(z, accumulator.anchors().weight(), accumulator.temperature());
  return {oracle.information(with.a).information / std::log(100.0),
          oracle.information(with.b).information / std::log(100.0)};
}

// What bfloat16 costs is the rounding of z, which float64 arithmetic cannot undo either; the kernel adds nothing to it.
TEST_CASE("bfloat16: the kernel adds less than 2e-7 to what the rounding of z does in float64",
          "[estimator][precision]") {
  for (const std::int64_t d : {64, 768}) {
    for (const at::Tensor& z : {golden_representations(512, d), normal({512, d})}) {
      const Case with = make_case(z, SoftEntropyOptions());
      for (const auto type : {at::kBFloat16, at::kHalf}) {
        CAPTURE(d, type);
        const at::Tensor rounded = z.to(type);
        const Information got = measured(with, rounded), expected = exact(with, rounded);
        CHECK_THAT(got.a, WithinAbs(expected.a, 2e-7));
        CHECK_THAT(got.b, WithinAbs(expected.b, 2e-7));
      }
    }
  }
}

// The figure that is quoted for bfloat16, 2e-6, was found with these representations and anchors. Over anchor seeds and
// other representations the rounding of z alone, in float64, moves information by up to 3e-5 at 512 tokens, 1.8e-5 at
// 1024 and 1.1e-5 at 8192.
TEST_CASE("bfloat16: the rounding of z moves information by 2e-6 where that was published, by up to 3e-5 elsewhere",
          "[estimator][precision]") {
  const at::Tensor z = golden_representations(1024, 768);
  const Case published = make_case(z, SoftEntropyOptions().raw_seed(true));
  CHECK_THAT(measured(published, z.to(at::kBFloat16)).a, WithinAbs(measured(published, z).a, 2.5e-6));
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    for (const at::Tensor& values : {golden_representations(512, 64), normal({512, 64}), z}) {
      const Case with = make_case(values, SoftEntropyOptions().seed(seed).raw_seed(true));
      CAPTURE(seed, values.sizes());
      const Information whole = measured(with, values), rounded = measured(with, values.to(at::kBFloat16));
      CHECK_THAT(rounded.a, WithinAbs(whole.a, 4e-5));
      CHECK_THAT(rounded.b, WithinAbs(whole.b, 4e-5));
    }
  }
}

}  // namespace
}  // namespace infoplane::estimator
