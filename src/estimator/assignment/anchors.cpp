#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/core/hash.hpp>
#include <infoplane/estimator/assignment/anchors.hpp>
#include <limits>

namespace infoplane::estimator {
namespace {

// "anchors" in ASCII; any constant would do, but it may never change.
constexpr std::uint64_t kProject = 0x616e63686f7273U;

std::uint64_t generator_seed(std::uint64_t seed, Anchors::Rule rule) {
  if (rule == Anchors::Rule::kRaw) {
    return seed;
  }
  const std::uint64_t mixed = splitmix64(splitmix64(seed) ^ kProject);
  return mixed ^ (mixed >> 32U);
}

at::Tensor draw(std::int64_t m, std::int64_t d, std::uint64_t generator_seed) {
  // Neither the trainer's inference mode nor its autocast may reach what outlives this call.
  const c10::InferenceMode no_inference(false);
  const at::NoGradGuard no_grad;
  auto generator = at::make_generator<at::CPUGeneratorImpl>(generator_seed);
  return at::randn({m, d}, generator, at::TensorOptions().dtype(at::kFloat).device(at::kCPU));
}

/// First values of the stream of seed 0 under LibTorch 1.13 to 2.11. Without AVX2 they move by up to 2e-6.
bool is_known_generator() {
  static constexpr std::array kFirst = {-1.12583983F, -1.15236020F, -0.25057858F, -0.43387881F};
  const at::Tensor values = draw(4, 4, 0);
  return std::equal(kFirst.begin(), kFirst.end(), values.const_data_ptr<float>(),
                    [](float expected, float got) { return std::abs(expected - got) < 1e-4F; });
}

std::string hexadecimal(std::uint64_t value) {
  std::string digits(16, '0');
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, value >>= 4U) {
    *digit = "0123456789abcdef"[value & 15U];
  }
  return digits;
}

at::Tensor normalised(const at::Tensor& raw) {
  const c10::InferenceMode no_inference(false);
  const std::int64_t m = raw.size(0);
  const std::int64_t d = raw.size(1);
  at::Tensor weight = at::empty({m, d}, raw.options());
  const float* from = raw.const_data_ptr<float>();
  auto* to = weight.mutable_data_ptr<float>();
  for (std::int64_t row = 0; row < m; ++row, from += d, to += d) {
    double squares = 0;
    for (std::int64_t i = 0; i < d; ++i) {
      squares += static_cast<double>(from[i]) * from[i];
    }
    const double norm = std::sqrt(squares);
    for (std::int64_t i = 0; i < d; ++i) {
      to[i] = static_cast<float>(from[i] / norm);
    }
  }
  return weight;
}

}  // namespace

Anchors::Anchors(std::int64_t m, std::int64_t d, std::uint64_t seed, Rule rule)
    : size_(m), dimension_(d), seed_(seed), rule_(rule) {
  INFOPLANE_CHECK(m >= 2, ArgumentError, "soft entropy needs at least 2 anchors, got m = ", m);
  INFOPLANE_CHECK(d >= 2, ArgumentError, "soft entropy needs a dimension d of at least 2, got ", d);
  INFOPLANE_CHECK(m <= std::numeric_limits<std::int64_t>::max() / 64 / d, ArgumentError, m, " anchors in ", d,
                  " dimensions do not fit into memory");
  known_generator_ = is_known_generator();
  std::uint64_t hash = kProject;
  for (const std::uint64_t part : {static_cast<std::uint64_t>(rule), seed, static_cast<std::uint64_t>(m),
                                   static_cast<std::uint64_t>(d), static_cast<std::uint64_t>(known_generator_)}) {
    hash = splitmix64(hash ^ part);
  }
  identity_ = hexadecimal(hash);
  weight_ = normalised(raw());
}

at::Tensor Anchors::raw() const { return draw(size_, dimension_, generator_seed(seed_, rule_)); }

}  // namespace infoplane::estimator
