#include "estimator/statistics/extrapolation.hpp"

#include <algorithm>
#include <cmath>

namespace infoplane::estimator {
namespace {

constexpr double kShareOfAll = 0.2;
constexpr double kResolution = 1e-6;  // of an entropy, in nats

using Sum = LabelTotals::Sum;

}  // namespace

Extrapolation::Solution Extrapolation::solve(const LabelTotals::Bucket& sums) noexcept {
  const double a11 = sums[Sum::kA11], a12 = sums[Sum::kA12], a21 = sums[Sum::kA21], a22 = sums[Sum::kA22];
  Solution solution;
  const double determinant = a11 * a22 - a12 * a21;
  if (std::abs(determinant) > 1e-6 * (std::abs(a11 * a22) + std::abs(a12 * a21))) {
    solution.inverse = {a22 / determinant, -a12 / determinant, -a21 / determinant, a11 / determinant};
    solution.valid = true;
  } else if (a11 > 0) {  // one equation: κ = 0
    solution.inverse = {1 / a11, 0, 0, 0};
    solution.valid = true;
  }
  solution.rho = solution.inverse[0] * sums[Sum::kD1] + solution.inverse[1] * sums[Sum::kD2];
  solution.kappa = solution.inverse[2] * sums[Sum::kD1] + solution.inverse[3] * sums[Sum::kD2];
  return solution;
}

Extrapolation::Extrapolation(const LabelTotals& totals, const ChanceLevel& curve) : totals_(totals) {
  if (!(curve.bias(1) > kResolution)) {  // all tokens are alike: no bias
    solved_ = true;
    return;
  }
  LabelTotals::Bucket all{};
  for (std::size_t sum = 0; sum < all.size(); ++sum) {
    all[sum] = totals.sum(static_cast<Sum>(sum));
  }
  const Solution common = solve(all);
  solved_ = common.valid;
  std::size_t lender = LabelTotals::kBuckets;
  for (std::size_t u = 2; u < LabelTotals::kBuckets; ++u) {
    LabelTotals::Bucket sums = totals.bucket(u);
    const bool any = sums[Sum::kSplit] > 0;
    std::transform(sums.begin(), sums.end(), all.begin(), sums.begin(),
                   [](double own, double of_all) { return own + kShareOfAll * of_all; });
    solutions_[u] = any ? solve(sums) : common;
    if (!solutions_[u].valid) {
      solutions_[u] = common;
    }
    lender = any ? std::min(lender, u) : lender;
  }
  lender_ = lender < LabelTotals::kBuckets ? lender : 2;
  solutions_[0] = solutions_[1] = solutions_[lender_];
  for (std::size_t u = 2; u < LabelTotals::kBuckets; ++u) {
    double first = totals.bucket(u)[Sum::kBias], second = totals.bucket(u)[Sum::kBias2];
    for (const std::size_t few : {0U, 1U}) {
      first += u == lender_ ? totals.bucket(few)[Sum::kBias] : 0.0;
      second += u == lender_ ? totals.bucket(few)[Sum::kBias2] : 0.0;
    }
    const auto& inverse = solutions_[u].inverse;
    gains_[u] = {first * inverse[0] + second * inverse[2], first * inverse[1] + second * inverse[3]};
    common_gain_[0] += kShareOfAll * gains_[u][0];
    common_gain_[1] += kShareOfAll * gains_[u][1];
  }
}

double Extrapolation::correction() const noexcept {
  double total = 0;
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    total += solutions_[u].rho * totals_.bucket(u)[Sum::kBias] + solutions_[u].kappa * totals_.bucket(u)[Sum::kBias2];
  }
  return total / totals_.sum(Sum::kWeight);
}

std::array<double, 2> Extrapolation::gain(std::int64_t tokens) const noexcept {
  return gain_of_bucket(LabelTotals::bucket_of(tokens));
}

std::array<double, 2> Extrapolation::gain_of_bucket(std::size_t bucket) const noexcept {
  if (bucket < LabelTotals::bucket_of(LabelCounts::kFewest)) {
    return {0, 0};
  }
  return {gains_[bucket][0] + common_gain_[0], gains_[bucket][1] + common_gain_[1]};
}

double Extrapolation::second_order() const noexcept {
  // With deviations δ of the parts from P_x, in units of √P_x, the entropies are −C/16, −C/24 and 0, for all tokens,
  // for halves and for quarters, where C is the sum of the six products δ_i · δ_j, plus what the squares of δ give and
  // the extrapolation removes. Halving in one way has 2 of them, times −1/8: a variance of 1/32 of that of a product.
  double total = 0;
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    const auto [first, second] = gain_of_bucket(u);
    const double factor = 1.0 / 16 + first * (1.0 / 16 - 1.0 / 24) + second / 24;
    total += 6 * 32 * factor * factor * totals_.bucket(u)[Sum::kNoise];
  }
  const double weight = totals_.sum(Sum::kWeight);
  return total / (weight * weight);
}

double Extrapolation::squared_distance_from_chance() const noexcept {
  std::array<double, LabelTotals::kBuckets> distances{};
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    const double first = totals_.bucket(u)[Sum::kBias], second = totals_.bucket(u)[Sum::kBias2];
    distances[u < 2 ? lender_ : u] += first - solutions_[u].rho * first - solutions_[u].kappa * second;
  }
  const double weight = totals_.sum(Sum::kWeight);
  double total = 0;
  for (std::size_t u = 0; u < distances.size(); ++u) {
    // Errors of neighbours are half the same.
    total += distances[u] * (distances[u] + (u > 0 ? distances[u - 1] : 0.0));
  }
  return total / (weight * weight);
}

double Extrapolation::squared_residuals() const noexcept {
  const double weight = totals_.sum(Sum::kWeight);
  const double mean = totals_.sum(Sum::kEntropy) / weight + correction();
  double total = 0;
  for (std::size_t u = 0; u < LabelTotals::kBuckets; ++u) {
    const LabelTotals::Bucket& s = totals_.bucket(u);
    const double rho = solutions_[u].rho, kappa = solutions_[u].kappa;
    total += s[Sum::kSquaresHH] + rho * rho * s[Sum::kSquaresBB] + kappa * kappa * s[Sum::kSquaresB2B2] +
             2 * (rho * s[Sum::kSquaresHB] + kappa * s[Sum::kSquaresHB2] + rho * kappa * s[Sum::kSquaresBB2]) +
             mean * (mean * s[Sum::kSquares] -
                     2 * (s[Sum::kSquaresH] + rho * s[Sum::kSquaresB] + kappa * s[Sum::kSquaresB2]));
  }
  return std::max(0.0, total) / (weight * weight);
}

}  // namespace infoplane::estimator
