#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <infoplane/core/hash.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <vector>

using infoplane::splitmix64;
using infoplane::estimator::SoftEntropyAccumulator;
using infoplane::estimator::SoftEntropyOptions;

namespace {

constexpr std::int64_t kTokens = 2048, kWidth = 16, kLabels = 8;

at::Tensor centres() {
  at::Tensor result = at::zeros({kLabels, kWidth});
  for (std::int64_t x = 0; x < kLabels; ++x) {
    result[x][x] = 1.2;
  }
  return result;
}

/// The values of one stream: what follows a token is its successor in four of five cases, and the representation leans
/// towards the token and half as much towards what follows.
infoplane::plane::Metrics metrics_of(std::uint64_t stream) {
  std::vector<std::int64_t> input, output;
  for (std::int64_t i = 0; i < kTokens; ++i) {
    const std::uint64_t draw = splitmix64(stream << 32U | static_cast<std::uint64_t>(i));
    input.push_back(static_cast<std::int64_t>(draw % kLabels));
    output.push_back((draw >> 8U) % 5 == 0 ? static_cast<std::int64_t>((draw >> 16U) % kLabels)
                                           : (input.back() + 1) % kLabels);
  }
  const auto tensor = [](std::vector<std::int64_t>& values) {
    return at::from_blob(values.data(), {kTokens}, at::kLong);
  };
  const at::Tensor means = centres();
  const at::Tensor z = at::randn({kTokens, kWidth}, at::make_generator<at::CPUGeneratorImpl>(stream))
                           .add(means.index_select(0, tensor(input)))
                           .add(means.index_select(0, tensor(output)), 0.5);
  SoftEntropyAccumulator accumulator(kWidth, SoftEntropyOptions().stream(stream));
  accumulator.update(z, {{"input_unigram", tensor(input)}, {"output_unigram", tensor(output)}});
  return infoplane::plane::layer_point("layer", accumulator.estimate()).metrics;
}

}  // namespace

TEST_CASE("the error of optimality is that of a ratio whose sides share their tokens", "[plane][statistics]") {
  constexpr int kStreams = 120;
  double sum = 0, squares = 0, variance = 0, apart = 0;
  for (std::uint64_t stream = 0; stream < kStreams; ++stream) {
    const auto metrics = metrics_of(stream);
    const double value = metrics.at("optimality/unigram/corrected");
    const double error = metrics.at("optimality/unigram/standard_error");
    sum += value;
    squares += value * value;
    variance += error * error / kStreams;
    // What it were if expressivity and complexity came from tokens of their own.
    const double below = metrics.at("I(X;Z)/input_unigram/corrected");
    apart += (std::pow(metrics.at("I(Y;Z)/output_unigram/standard_error") / below, 2) +
              std::pow(value * metrics.at("I(X;Z)/input_unigram/standard_error") / below, 2)) /
             kStreams;
  }
  const double spread = std::sqrt((squares - sum * sum / kStreams) / (kStreams - 1));
  CAPTURE(sum / kStreams, spread, std::sqrt(variance), std::sqrt(apart));
  CHECK(std::sqrt(variance) > 0.8 * spread);  // with what the model of the extrapolation may be wrong by
  CHECK(std::sqrt(variance) < 1.5 * spread);
  CHECK(std::sqrt(variance) < 0.9 * std::sqrt(apart));
}
