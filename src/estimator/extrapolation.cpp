#include "estimator/extrapolation.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace infoplane::estimator {
namespace {

constexpr double kShareOfAll = 0.2;
constexpr double kResolution = 1e-6;  // of an entropy, in nats

/// Mean of β and of β² over parts, weighted by their tokens.
struct PartBias {
  double first = 0;
  double second = 0;
  void add(double beta, double share) noexcept {
    first += share * beta;
    second += share * beta * beta;
  }
};

}  // namespace

void Extrapolation::Sums::add(const Sums& other, double share) noexcept {
  a11 += share * other.a11;
  a12 += share * other.a12;
  a21 += share * other.a21;
  a22 += share * other.a22;
  d1 += share * other.d1;
  d2 += share * other.d2;
}

Extrapolation::Solution Extrapolation::Sums::solve() const noexcept {
  Solution solution;
  const double determinant = a11 * a22 - a12 * a21;
  if (std::abs(determinant) > 1e-6 * (std::abs(a11 * a22) + std::abs(a12 * a21))) {
    solution.inverse = {a22 / determinant, -a12 / determinant, -a21 / determinant, a11 / determinant};
    solution.valid = true;
  } else if (a11 > 0) {  // one equation: κ = 0
    solution.inverse = {1 / a11, 0, 0, 0};
    solution.valid = true;
  }
  solution.rho = solution.inverse[0] * d1 + solution.inverse[1] * d2;
  solution.kappa = solution.inverse[2] * d1 + solution.inverse[3] * d2;
  return solution;
}

std::size_t Extrapolation::bucket(std::int64_t tokens) noexcept {
  return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(tokens)) - 1);
}

double Extrapolation::bias(std::int64_t tokens, float squares) const noexcept {
  const auto n = static_cast<double>(tokens);
  return tokens == 0 ? 0.0 : curve_.bias(n / (1 + correlation_ * (static_cast<double>(squares) / n - 1)));
}

double Extrapolation::bias(const LabelEntropy& label) const noexcept {
  return bias(label.tokens, label.squares[0] + label.squares[1] + label.squares[2] + label.squares[3]);
}

Extrapolation::Extrapolation(std::span<const LabelEntropy> labels, const NullCurve& curve, double correlation,
                             Totals& totals)
    : curve_(curve), correlation_(correlation), biased_(curve.bias(1) > kResolution) {
  if (!biased_) {
    solved_ = true;
    return;
  }
  std::array<Sums, kBuckets> own;
  std::array<bool, kBuckets> any{};
  for (const LabelEntropy& label : labels) {
    Sums& sums = own[bucket(label.tokens)];
    const double beta = bias(label);
    sums.b1 += label.weight * beta;
    sums.b2 += label.weight * beta * beta;
    const auto parts = std::count_if(label.parts.begin(), label.parts.end(), [](auto tokens) { return tokens > 0; });
    if (label.tokens < kFewest || parts < 2) {
      continue;
    }
    PartBias halves, quarters;
    const auto n = static_cast<double>(label.tokens);
    for (const auto& [i, j] : kPairs) {
      const std::int64_t tokens = label.parts[i] + label.parts[j];
      halves.add(bias(tokens, label.squares[i] + label.squares[j]), static_cast<double>(tokens) / (3 * n));
    }
    for (std::size_t i = 0; i < label.parts.size(); ++i) {
      quarters.add(bias(label.parts[i], label.squares[i]), static_cast<double>(label.parts[i]) / n);
    }
    sums.a11 += label.weight * (halves.first - beta);
    sums.a12 += label.weight * (halves.second - beta * beta);
    sums.a21 += label.weight * (quarters.first - halves.first);
    sums.a22 += label.weight * (quarters.second - halves.second);
    sums.d1 += label.weight * (label.whole - label.halves);
    sums.d2 += label.weight * (label.halves - label.quarters);
    any[bucket(label.tokens)] = true;
  }
  for (std::size_t u = 0; u < kBuckets; ++u) {
    const Sums& sums = own[u];
    const std::array<double, 9> values = {sums.a11, sums.a12, sums.a21, sums.a22,          sums.d1,
                                          sums.d2,  sums.b1,  sums.b2,  any[u] ? 1.0 : 0.0};
    totals.put(values);
  }
}

void Extrapolation::solve(Totals& totals) {
  if (!biased_) {
    return;
  }
  std::array<Sums, kBuckets> own;
  std::array<bool, kBuckets> any{};
  Sums all;
  for (std::size_t u = 0; u < kBuckets; ++u) {
    std::array<double, 9> values;
    totals.take(values);
    const auto& [a11, a12, a21, a22, d1, d2, b1, b2, labels] = values;
    own[u] = {a11, a12, a21, a22, d1, d2, b1, b2};
    any[u] = labels > 0;
    all.add(own[u], 1);
  }
  const Solution common = all.solve();
  solved_ = common.valid;
  std::size_t first = kBuckets;
  for (std::size_t u = 2; u < kBuckets; ++u) {
    Sums sums = own[u];
    sums.add(all, kShareOfAll);
    solutions_[u] = any[u] ? sums.solve() : common;
    if (!solutions_[u].valid) {
      solutions_[u] = common;
    }
    first = any[u] ? std::min(first, u) : first;
  }
  const std::size_t lender = first < kBuckets ? first : 2;
  solutions_[0] = solutions_[1] = solutions_[lender];
  own[lender].b1 += own[0].b1 + own[1].b1;
  own[lender].b2 += own[0].b2 + own[1].b2;
  for (std::size_t u = 2; u < kBuckets; ++u) {
    const auto& inverse = solutions_[u].inverse;
    gains_[u] = {own[u].b1 * inverse[0] + own[u].b2 * inverse[2], own[u].b1 * inverse[1] + own[u].b2 * inverse[3]};
    common_gain_[0] += kShareOfAll * gains_[u][0];
    common_gain_[1] += kShareOfAll * gains_[u][1];
  }
}

double Extrapolation::correction(const LabelEntropy& label) const noexcept {
  const Solution& solution = solutions_[bucket(label.tokens)];
  const double beta = bias(label);
  return solution.rho * beta + solution.kappa * beta * beta;
}

std::array<double, 2> Extrapolation::gain(std::int64_t tokens) const noexcept {
  if (tokens < kFewest) {
    return {0, 0};
  }
  const auto& own = gains_[bucket(tokens)];
  return {own[0] + common_gain_[0], own[1] + common_gain_[1]};
}

double Extrapolation::second_order(const LabelEntropy& label) const noexcept {
  // With deviations δ of the parts from P_x, in units of √P_x, the entropies are −C/16, −C/24 and 0, for all tokens,
  // for halves and for quarters, where C is the sum of the six products δ_i · δ_j, plus what the squares of δ give and
  // the extrapolation removes. Halving in one way has 2 of them, times −1/8: a variance of 1/32 of that of a product.
  const auto [first, second] = gain(label.tokens);
  const double factor = 1.0 / 16 + first * (1.0 / 16 - 1.0 / 24) + second / 24;
  return label.weight * label.weight * 6 * 32 * factor * factor * label.noise;
}

}  // namespace infoplane::estimator
