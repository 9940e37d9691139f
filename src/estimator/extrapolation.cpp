#include "estimator/extrapolation.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace infoplane::estimator {
namespace {

constexpr double kShareOfAll = 0.05;

/// Mean of β and of β² over parts, weighted by their tokens.
struct PartBias {
  double first = 0;
  double second = 0;
  void add(const NullCurve& curve, std::int64_t tokens, std::int64_t of) noexcept {
    if (tokens > 0) {
      const double beta = curve.bias(tokens);
      const double share = static_cast<double>(tokens) / static_cast<double>(of);
      first += share * beta;
      second += share * beta * beta;
    }
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

Extrapolation::Extrapolation(std::span<const LabelEntropy> labels, const NullCurve& curve) : curve_(curve) {
  std::array<Sums, kBuckets> own;
  std::array<bool, kBuckets> any{};
  Sums all;
  for (const LabelEntropy& label : labels) {
    Sums& sums = own[bucket(label.tokens)];
    const double beta = curve.bias(label.tokens);
    sums.b1 += label.weight * beta;
    sums.b2 += label.weight * beta * beta;
    if (label.tokens < kFewest) {
      continue;
    }
    PartBias halves, quarters;
    halves.add(curve, label.parts[0] + label.parts[2], label.tokens);
    halves.add(curve, label.parts[1] + label.parts[3], label.tokens);
    for (const std::int64_t tokens : label.parts) {
      quarters.add(curve, tokens, label.tokens);
    }
    sums.a11 += label.weight * (halves.first - beta);
    sums.a12 += label.weight * (halves.second - beta * beta);
    sums.a21 += label.weight * (quarters.first - halves.first);
    sums.a22 += label.weight * (quarters.second - halves.second);
    sums.d1 += label.weight * (label.whole - label.halves);
    sums.d2 += label.weight * (label.halves - label.quarters);
    any[bucket(label.tokens)] = true;
  }
  for (const Sums& sums : own) {
    all.add(sums, 1);
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

double Extrapolation::correction(std::int64_t tokens) const noexcept {
  const Solution& solution = solutions_[bucket(tokens)];
  const double beta = curve_.bias(tokens);
  return solution.rho * beta + solution.kappa * beta * beta;
}

std::array<double, 2> Extrapolation::gain(std::int64_t tokens) const noexcept {
  if (tokens < kFewest) {
    return {0, 0};
  }
  const auto& own = gains_[bucket(tokens)];
  return {own[0] + common_gain_[0], own[1] + common_gain_[1]};
}

}  // namespace infoplane::estimator
