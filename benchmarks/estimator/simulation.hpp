#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/estimator/accumulator.hpp>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace infoplane::simulation {

/// How representations depend on their labels: z = a_x c_x + g, with c_x a direction of label x and g standard normal
/// in d dimensions; z / |z| is a cluster on the sphere.
struct Population {
  std::string name;
  std::int64_t labels = 64;
  double signal = 0;      ///< a_x, in units of the expected |g|; 0: labels say nothing
  double unlikeness = 0;  ///< a_x = signal · exp(unlikeness · normal): labels that say much, and labels that say little
  bool zipf = false;      ///< probability of label x ∝ 1 / (x + 1), else uniform
  double trend = 0;    ///< a_x also ∝ ((x + 1) / √labels)^trend: above 0, rare labels say more than frequent ones
  double freedom = 0;  ///< g is divided by √(χ² / freedom), as in Student's t with so many degrees; 0: it is not
  std::uint64_t seed = 7;  ///< of the directions and strengths
};

/// Entropy in nats of each row of sums [..., m] in float64; NaN of a row of zeros.
at::Tensor entropies(const at::Tensor& sums);

/// How tokens are drawn from a population.
struct Sampling {
  std::int64_t tokens = 0;
  std::int64_t per_label = 0;  ///< the same number of tokens of each label; 0: labels are drawn by their probability
  /// Tokens of a sequence share a part of the variance of g, and labels come in bursts: half of the tokens repeat the
  /// label of an earlier token of the sequence. Every token alone is distributed as before. 1: independent tokens.
  std::int64_t sequence = 1;
  double shared = 0.2;  ///< that part
  /// Instead, labels are a Markov chain that stays with probability ½, and g of a sequence is an autoregressive process
  /// with this correlation of neighbours; 0: not.
  double autoregressive = 0;
};

/// A population whose information is known, in nats, for the anchors and temperature of an accumulator.
class Truth {
 public:
  static constexpr std::int64_t kDimension = 64;

  explicit Truth(Population population);

  const Population& population() const noexcept { return population_; }
  /// I(X;Z), with the population's label probabilities: from up to 8192 tokens of each label, fewer where it is rare,
  /// extrapolated in 1/n, which leaves an error far below the differences that are studied.
  double information() const;

  struct Sample {
    at::Tensor z;  ///< [tokens / sequence, sequence, d]
    at::Tensor labels;
  };
  Sample draw(const Sampling& sampling, std::uint64_t seed) const;

 private:
  /// Of labels drawn as `sampling` says.
  at::Tensor representations(const std::vector<std::int64_t>& labels, const Sampling& sampling,
                             std::uint64_t seed) const;
  std::vector<std::int64_t> labels(const Sampling& sampling, std::mt19937_64& random) const;
  double measure() const;

  Population population_;
  at::Tensor centres_;  // a_x c_x, [labels, d]
  std::vector<double> cumulative_;
  mutable std::optional<double> information_;  // measured once
};

}  // namespace infoplane::simulation
