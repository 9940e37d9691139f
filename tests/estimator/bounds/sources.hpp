#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace infoplane::estimator {

/// Entropy of sums, in nats and float64.
double plain_entropy(const std::vector<double>& sums);

/// into += weight · p; an empty one is 0.
void add_weighted(std::vector<double>& into, double weight, const std::vector<double>& p);

/// A source of tokens with activations that are a function of the token and of a hidden state, so that all of its
/// informations have a closed form: rows p(b | x, c), and the joint p(c, x, y).
struct Source {
  enum class Kind : std::uint8_t {
    kMarkov,       ///< y depends on x alone; c is a coin of its own
    kIndependent,  ///< y depends on nothing
    kMemory,       ///< c is the token before x, and y depends on both
  };
  static constexpr std::int64_t kTokens = 12;  // x, y
  static constexpr std::int64_t kDimension = 24;

  explicit Source(Kind kind);

  struct Text {
    std::vector<std::int64_t> tokens, states;  // [sequences, length]; state c of each position
    std::int64_t sequences, length;
    at::Tensor z;  // [sequences, length, d]
  };
  Text draw(std::int64_t sequences, std::int64_t length, std::uint64_t seed) const;

  Kind kind;
  at::Tensor of_state;       // [x · c, d]
  std::vector<double> next;  // p(y | c, x), [c, x, y]
  std::vector<double> p_cx;  // p(c, x), stationary

  /// In nats, by the definitions, for anchors [m, d] and ε.
  struct Truth {
    double complexity = 0, expressivity = 0, through = 0, context = 0;
  };
  Truth truth(const at::Tensor& weight, double epsilon) const;
};

}  // namespace infoplane::estimator
