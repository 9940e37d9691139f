#include "simulation.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace infoplane::simulation {
namespace {

constexpr double kBurst = 0.5;

at::Generator generator(std::uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

}  // namespace

at::Tensor entropies(const at::Tensor& sums) {
  const at::Tensor p = sums / sums.sum(-1, true);
  return -(p * (p + 1e-300).log()).sum(-1);
}

Truth::Truth(Population population) : population_(std::move(population)) {
  const std::int64_t labels = population_.labels;
  const at::Tensor directions = at::randn({labels, kDimension}, generator(population_.seed));
  const at::Tensor rank = (at::arange(1, labels + 1).to(at::kFloat) / std::sqrt(static_cast<double>(labels)));
  const at::Tensor strength = (population_.unlikeness * at::randn({labels, 1}, generator(population_.seed + 1))).exp() *
                              rank.pow(population_.trend).unsqueeze(1) *
                              (population_.signal * std::sqrt(static_cast<double>(kDimension)));
  centres_ = strength * directions / directions.norm(2, {1}, true);
  double total = 0;
  for (std::int64_t x = 0; x < labels; ++x) {
    total += population_.zipf ? 1 / static_cast<double>(x + 1) : 1.0;
    cumulative_.push_back(total);
  }
  for (double& value : cumulative_) {
    value /= total;
  }
}

double Truth::information() const {
  if (!information_) {
    information_ = population_.signal == 0 ? 0.0 : measure();
  }
  return *information_;
}

double Truth::measure() const {
  const estimator::SoftEntropyAccumulator instrument(kDimension);
  const at::Tensor weight = instrument.anchors().weight().t();
  const std::int64_t m = instrument.anchors().size();
  at::Tensor marginal = at::zeros({m}, at::kDouble);
  double conditional = 0;
  for (std::int64_t x = 0; x < population_.labels; ++x) {
    const double probability =
        cumulative_[static_cast<std::size_t>(x)] - (x > 0 ? cumulative_[static_cast<std::size_t>(x) - 1] : 0.0);
    const std::int64_t draws =
        std::clamp<std::int64_t>(static_cast<std::int64_t>(probability * 4e5), 256, 8192) / 2 * 2;
    const at::Tensor z = representations(std::vector<std::int64_t>(static_cast<std::size_t>(draws), x), {},
                                         1000003U + static_cast<std::uint64_t>(x))
                             .flatten(0, 1);
    const at::Tensor p = ((z / z.norm(2, {1}, true)).matmul(weight) / instrument.temperature()).softmax(1);
    const at::Tensor halves = p.reshape({2, draws / 2, m}).sum({1}, false, at::kDouble);
    const at::Tensor whole = halves.sum(0);
    conditional += probability * (2 * entropies(whole).item<double>() - entropies(halves).mean().item<double>());
    marginal += whole * (probability / static_cast<double>(draws));
  }
  return entropies(marginal).item<double>() - conditional;
}

at::Tensor Truth::representations(const std::vector<std::int64_t>& labels, const Sampling& sampling,
                                  std::uint64_t seed) const {
  const std::int64_t sequence = sampling.sequence;
  const auto tokens = static_cast<std::int64_t>(labels.size());
  auto random = generator(seed);
  at::Tensor noise = at::randn({tokens / sequence, sequence, kDimension}, random);
  if (sampling.autoregressive > 0) {
    const double kept = sampling.autoregressive;
    for (std::int64_t i = 1; i < sequence; ++i) {
      noise.select(1, i).mul_(std::sqrt(1 - kept * kept)).add_(noise.select(1, i - 1), kept);
    }
  } else if (sequence > 1) {
    noise = noise * std::sqrt(1 - sampling.shared) +
            at::randn({tokens / sequence, 1, kDimension}, random) * std::sqrt(sampling.shared);
  }
  if (population_.freedom > 0) {
    at::Tensor squares = at::zeros({tokens / sequence, sequence, 1});
    for (int i = 0; i < static_cast<int>(population_.freedom); ++i) {
      squares += at::randn(squares.sizes(), random).square();
    }
    noise = noise / (squares / population_.freedom).sqrt();
  }
  if (population_.signal == 0) {
    return noise;
  }
  const at::Tensor index = at::tensor(at::ArrayRef<std::int64_t>(labels), at::kLong);
  return noise + centres_.index_select(0, index).reshape(noise.sizes());
}

std::vector<std::int64_t> Truth::labels(const Sampling& sampling, std::mt19937_64& random) const {
  std::vector<std::int64_t> labels;
  if (sampling.per_label > 0) {
    for (std::int64_t x = 0; x < population_.labels; ++x) {
      labels.insert(labels.end(), static_cast<std::size_t>(sampling.per_label), x);
    }
    std::shuffle(labels.begin(), labels.end(), random);
    return labels;
  }
  std::uniform_real_distribution<double> uniform;
  for (std::int64_t i = 0; i < sampling.tokens; ++i) {
    const std::int64_t inside = i % sampling.sequence;
    if (inside > 0 && uniform(random) < kBurst) {
      const auto back = sampling.autoregressive > 0
                            ? std::size_t{0}
                            : static_cast<std::size_t>(uniform(random) * static_cast<double>(inside));
      labels.push_back(labels[labels.size() - 1 - back]);
    } else {
      const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, uniform(random));
      labels.push_back(found - cumulative_.begin());
    }
  }
  return labels;
}

Truth::Sample Truth::draw(const Sampling& sampling, std::uint64_t seed) const {
  std::mt19937_64 random(seed);
  const std::vector<std::int64_t> x = labels(sampling, random);
  const at::Tensor z = representations(x, sampling, seed);
  return {z, at::tensor(at::ArrayRef<std::int64_t>(x), at::kLong).reshape({z.size(0), z.size(1)})};
}

}  // namespace infoplane::simulation
