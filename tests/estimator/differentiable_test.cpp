#include <ATen/autocast_mode.h>
#include <c10/core/InferenceMode.h>

#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/differentiable.hpp>
#include <limits>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::Message;
using Catch::Matchers::WithinAbs;

double value(const at::Tensor& scalar) {
  CHECK(scalar.dim() == 0);
  return scalar.item<double>();
}

TEST_CASE("differentiable: values are the accumulator's plug-in, in every dtype", "[estimator][differentiable]") {
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
    for (const auto& [n, d, m] : {std::tuple<std::int64_t, std::int64_t, std::int64_t>{512, 64, 100},
                                  {256, 768, 100},
                                  {300, 16, 50},
                                  {1, 5, 7}}) {
      CAPTURE(type, n, d, m);
      const at::Tensor z = golden_representations(n, d).to(type);
      const at::Tensor labels = to_tensor(some_labels(n, 9));
      SoftEntropyAccumulator accumulator(d, SoftEntropyOptions().anchors(m));
      accumulator.update(z, {{"x", labels}});
      const AnchoredSpace space(accumulator);
      const Estimate expected = accumulator.estimate();
      const double within = 2e-7 * std::log(static_cast<double>(m));
      const at::Tensor entropy = soft_entropy(z, space);
      const at::Tensor information = soft_mutual_information(z, labels, space);
      CHECK_THAT(value(entropy), WithinAbs(expected.entropy_nats, within));
      CHECK_THAT(value(information), WithinAbs(expected.sets[0].information_nats, within));
      CHECK(entropy.scalar_type() == (type == at::kDouble ? at::kDouble : at::kFloat));
      CHECK(information.scalar_type() == entropy.scalar_type());
      // Anchors drawn for the call are the same.
      CHECK(at::equal(soft_entropy(z, SoftEntropyOptions().anchors(m)), entropy));
      CHECK(at::equal(soft_mutual_information(z, labels, SoftEntropyOptions().anchors(m)), information));
    }
  }
}

TEST_CASE("differentiable: a golden float64 value", "[estimator][differentiable]") {
  const at::Tensor z = golden_representations(512, 64).to(at::kDouble);
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 512; ++i) {
    labels.push_back(i % 7);
  }
  const AnchoredSpace space(64, SoftEntropyOptions().raw_seed(true));
  CHECK_THAT(value(soft_entropy(z, space)) / std::log(100.0), WithinAbs(0.9001875346229445, 2e-8));
  CHECK_THAT(value(soft_mutual_information(z, to_tensor(labels), space)) / std::log(100.0),
             WithinAbs(0.16554667713427862, 2e-8));
}

TEST_CASE("differentiable: three axes, strides, and labels of every integer dtype", "[estimator][differentiable]") {
  const at::Tensor z = normal({6, 20, 24});
  const at::Tensor labels = to_tensor(some_labels(120, 2));
  const AnchoredSpace space(24);
  const at::Tensor expected = soft_mutual_information(z.reshape({120, 24}), labels, space);
  const at::Tensor time_major = z.transpose(0, 1).contiguous().transpose(0, 1);
  CHECK(at::equal(soft_mutual_information(time_major, labels.reshape({6, 20}), space), expected));
  for (const auto type : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt}) {
    CHECK(at::equal(soft_mutual_information(z, labels.to(type), space), expected));
  }
}

TEST_CASE("differentiable: unlabelled positions and label weights", "[estimator][differentiable]") {
  const at::Tensor z = normal({200, 16});
  auto labels = some_labels(200, 5);
  for (std::size_t i = 0; i < labels.size(); i += 3) {
    labels[i] = i % 2 == 0 ? -1 : -100;
  }
  for (const auto weights : {LabelWeights::kEmpirical, LabelWeights::kUniform}) {
    const auto options = SoftEntropyOptions().anchors(20).label_weights(weights);
    SoftEntropyAccumulator accumulator(16, options);
    accumulator.update(z, {{"x", to_tensor(labels)}});
    CHECK_THAT(value(soft_mutual_information(z, to_tensor(labels), options)),
               WithinAbs(accumulator.estimate().sets[0].information_nats, 6e-7));
  }
}

TEST_CASE("differentiable: bad rows are left out", "[estimator][differentiable]") {
  at::Tensor z = normal({50, 8});
  z[3].zero_();
  z[10][2] = std::numeric_limits<double>::quiet_NaN();
  z[20][7] = std::numeric_limits<double>::infinity();
  z[30].mul_(1e20);
  z[40].mul_(1e-23);
  const at::Tensor labels = to_tensor(some_labels(50, 3));
  SoftEntropyAccumulator accumulator(8);
  accumulator.update(z, {{"x", labels}});
  CHECK_THAT(value(soft_entropy(z)), WithinAbs(accumulator.estimate().entropy_nats, 9e-7));
  CHECK_THAT(value(soft_mutual_information(z, labels)),
             WithinAbs(accumulator.estimate().sets[0].information_nats, 9e-7));
}

TEST_CASE("differentiable: over no rows values are NaN", "[estimator][differentiable]") {
  const AnchoredSpace space(8);
  CHECK(std::isnan(value(soft_entropy(at::empty({0, 8}), space))));
  CHECK(std::isnan(value(soft_entropy(at::zeros({2, 3, 8}), space))));
  const at::Tensor none = at::full({5}, -100, at::kLong);
  for (const auto weights : {LabelWeights::kEmpirical, LabelWeights::kUniform}) {
    CHECK(
        std::isnan(value(soft_mutual_information(normal({5, 8}), none, SoftEntropyOptions().label_weights(weights)))));
  }
}

TEST_CASE("differentiable: the same under autocast, in inference mode, and with anchors on a device",
          "[estimator][differentiable]") {
  const at::Tensor z = normal({100, 32});
  const at::Tensor labels = to_tensor(some_labels(100, 4));
  const AnchoredSpace space(32);
  const at::Tensor expected = soft_mutual_information(z, labels, space);
  CHECK(at::equal(soft_mutual_information(z, labels, space.to(at::kCPU)), expected));
  {
    const c10::InferenceMode inference;
    CHECK(at::equal(soft_mutual_information(z, labels, space), expected));
    CHECK_FALSE(AnchoredSpace(32).weight().is_inference());
  }
  at::autocast::set_autocast_enabled(at::kCPU, true);
  const at::Tensor got = soft_mutual_information(z, labels, space);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  CHECK(at::equal(got, expected));
}

TEST_CASE("differentiable: anchors and temperature are those of an accumulator", "[estimator][differentiable]") {
  const auto options = SoftEntropyOptions().anchors(30).seed(7).calibration(Calibration::leading_order());
  const AnchoredSpace space(12, options);
  const SoftEntropyAccumulator accumulator(12, options);
  CHECK(space.dimension() == 12);
  CHECK(space.temperature() == accumulator.temperature());
  CHECK(space.anchors().identity() == accumulator.anchors().identity());
  CHECK(at::equal(space.weight().t(), accumulator.anchors().weight()));
  CHECK(AnchoredSpace(accumulator).options().anchors() == 30);
}

TEST_CASE("differentiable: bad input is a typed error with its values", "[estimator][differentiable][errors]") {
  const AnchoredSpace space(8);
  const at::Tensor z = normal({20, 8});
  const at::Tensor labels = to_tensor(some_labels(20, 3));
  const auto refuses = [&](const std::string& message, const at::Tensor& bad_z, const at::Tensor& bad_labels) {
    CHECK_THROWS_MATCHES(soft_mutual_information(bad_z, bad_labels, space), ShapeError, Message(message));
  };
  refuses("z is an undefined tensor", at::Tensor(), labels);
  refuses("z must be [N, d] or [B, T, d], got [8] (Float)", z[0], labels);
  refuses("z must have d = 8 in its last axis, got [20, 9] (Float)", at::ones({20, 9}), labels);
  refuses("z must be float64, float32, float16 or bfloat16, got [20, 8] (Long)", z.to(at::kLong), labels);
  refuses("the labels are [19] (Long), but z is [20, 8] (Float): give one label for each row", z, labels.slice(0, 1));
  refuses("the labels are [4, 5] (Long), but z is [20, 8] (Float): give one label for each row", z,
          labels.reshape({4, 5}));
  refuses("the labels must be a dense tensor of integers, got [20] (Float)", z, labels.to(at::kFloat));
  refuses("the labels must be a dense tensor of integers, got an undefined tensor", z, at::Tensor());
  CHECK_THROWS_MATCHES(soft_entropy(at::ones({20, 9}), space), ShapeError,
                       Message("z must have d = 8 in its last axis, got [20, 9] (Float)"));
  CHECK_THROWS_MATCHES(soft_entropy(at::Tensor()), ShapeError, Message("z is an undefined tensor"));
  CHECK_THROWS_MATCHES(soft_entropy(at::ones({8})), ShapeError,
                       Message("z must be [N, d] or [B, T, d], got [8] (Float)"));
  CHECK_THROWS_MATCHES(AnchoredSpace(1), ArgumentError,
                       Message("soft entropy needs a dimension d of at least 2, got 1"));
  CHECK_THROWS_MATCHES(AnchoredSpace(8, SoftEntropyOptions().anchors(1)), ArgumentError,
                       Message("soft entropy needs at least 2 anchors, got m = 1"));
  at::Tensor large = labels.to(at::kUInt64);
  large.mutable_data_ptr<std::uint64_t>()[7] = std::numeric_limits<std::uint64_t>::max();
  CHECK_THROWS_MATCHES(soft_mutual_information(z, large, space), ArgumentError,
                       Message("the labels have 18446744073709551615 at position 7: labels are 64-bit integers with a "
                               "sign, at most 9223372036854775807"));
}

}  // namespace
}  // namespace infoplane::estimator
