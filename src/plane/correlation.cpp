#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/correlation.hpp>
#include <limits>
#include <numeric>
#include <utility>

namespace infoplane::plane {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kQuantile = 1.959963984540054;  // 97.5 % of the normal distribution

using Sides = std::pair<std::vector<double>, std::vector<double>>;

Sides finite_pairs(const std::vector<double>& x, const std::vector<double>& y) {
  INFOPLANE_CHECK(x.size() == y.size(), ArgumentError,
                  "a correlation needs as many values on both sides, but there are ", x.size(), " and ", y.size());
  Sides kept;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isfinite(x[i]) && std::isfinite(y[i])) {
      kept.first.push_back(x[i]);
      kept.second.push_back(y[i]);
    }
  }
  return kept;
}

/// Deviations from the mean, scaled so that squares of huge and tiny values neither overflow nor vanish.
std::vector<double> deviations(std::vector<double> values) {
  double largest = 0;
  for (const auto value : values) {
    largest = std::max(largest, std::abs(value));
  }
  if (largest == 0) {
    return values;
  }
  double mean = 0;
  for (auto& value : values) {
    value /= largest;
    mean += value / static_cast<double>(values.size());
  }
  for (auto& value : values) {
    value -= mean;
  }
  return values;
}

double coefficient(const std::vector<double>& x, const std::vector<double>& y) {
  const auto a = deviations(x), b = deviations(y);
  const auto ab = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  const auto aa = std::inner_product(a.begin(), a.end(), a.begin(), 0.0);
  const auto bb = std::inner_product(b.begin(), b.end(), b.begin(), 0.0);
  const auto rounding = 1e-28 * static_cast<double>(a.size());  // of a constant whose mean is not exact
  if (x.size() < 3 || aa <= rounding || bb <= rounding) {
    return kNaN;
  }
  return std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0);
}

/// Share of all ways to pair the two sides whose coefficient is as far from 0.
double permutation_p(const std::vector<double>& x, const std::vector<double>& y) {
  const auto a = deviations(x), b = deviations(y);
  const auto norm = std::sqrt(std::inner_product(a.begin(), a.end(), a.begin(), 0.0) *
                              std::inner_product(b.begin(), b.end(), b.begin(), 0.0));
  const auto least = std::abs(std::inner_product(a.begin(), a.end(), b.begin(), 0.0)) - 1e-12 * norm;
  std::vector<std::size_t> order(a.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::int64_t all = 0, as_far = 0;
  do {
    double sum = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
      sum += a[i] * b[order[i]];
    }
    ++all;
    as_far += std::abs(sum) >= least ? 1 : 0;
  } while (std::next_permutation(order.begin(), order.end()));
  return static_cast<double>(as_far) / static_cast<double>(all);
}

/// z of the normal distribution that is passed with that probability, at most 0.5; infinite for 0.
double normal_tail(double probability) {
  double low = 0, high = 40;
  for (int i = 0; i < 100; ++i) {
    const auto middle = (low + high) / 2;
    (std::erfc(middle / std::sqrt(2)) / 2 > probability ? low : high) = middle;
  }
  return probability > 0 ? low : std::numeric_limits<double>::infinity();
}

/// Of the two sides or their ranks. `variance` is that of Fisher's z, times n − 3.
Correlation correlation(const std::vector<double>& x, const std::vector<double>& y, double value, double variance) {
  const auto count = static_cast<std::int64_t>(x.size());
  const auto n = static_cast<double>(count);
  Correlation result{value, kNaN, kNaN, kNaN, count};
  if (std::isnan(value)) {
    result.reason =
        count < 3 ? detail::concat("too few pairs: a correlation needs 3, there ", count == 1 ? "is " : "are ", count)
                  : "one side is the same in all pairs";
    return result;
  }
  const auto chance = std::exp(-std::lgamma(n + 1));  // of one order among all
  result.exact = count <= kMostForExact;
  result.p_value = result.exact ? permutation_p(x, y)
                                : std::max(chance, student_p(value * std::sqrt((n - 2) / (1 - value * value)), n - 2));
  if (count < kLeastForInterval) {
    result.reason =
        detail::concat("too few pairs for an interval: it needs ", kLeastForInterval, ", there are ", count);
    return result;
  }
  const auto error = std::sqrt(variance / (n - 3));
  const auto z = std::atanh(std::abs(value));
  auto sure = std::min(z, error * normal_tail(chance));
  if (result.p_value >= 0.05) {
    sure = std::min(sure, error * normal_tail(result.p_value / 2));
  }
  result.low = std::tanh(sure - kQuantile * error);
  result.high = std::tanh(z + kQuantile * error);
  if (value < 0) {
    result.low = -std::exchange(result.high, -result.low);
  }
  return result;
}

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] < values[b]; });
  std::vector<double> found(values.size());
  for (std::size_t i = 0; i < order.size();) {
    auto end = i + 1;
    while (end < order.size() && values[order[end]] == values[order[i]]) {
      ++end;
    }
    for (auto k = i; k < end; ++k) {
      found[order[k]] = (static_cast<double>(i + end) + 1) / 2;
    }
    i = end;
  }
  return found;
}

/// Continued fraction of the incomplete beta function (modified Lentz).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  const auto guarded = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1, d = 1 / guarded(1 - (a + b) * x / (a + 1)), fraction = d;
  for (int i = 1; i < 500; ++i) {
    const double m = i;
    const auto even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    fraction *= d * c;
    const auto odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    fraction *= d * c;
    if (std::abs(d * c - 1) < 1e-15) {
      break;
    }
  }
  return fraction;
}

/// Regularised incomplete beta function I_x(a, b).
double incomplete_beta(double a, double b, double x) {
  if (x <= 0 || x >= 1) {
    return x <= 0 ? 0 : 1;
  }
  const auto front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

}  // namespace

double student_p(double t, double degrees) {
  if (std::isnan(t) || !(degrees > 0)) {
    return kNaN;
  }
  return std::isinf(t) ? 0 : incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t));
}

Correlation pearson(const std::vector<double>& x, const std::vector<double>& y) {
  const auto [a, b] = finite_pairs(x, y);
  return correlation(a, b, coefficient(a, b), 1);
}

Correlation spearman(const std::vector<double>& x, const std::vector<double>& y) {
  const auto [a, b] = finite_pairs(x, y);
  const auto ranks_a = ranks(a), ranks_b = ranks(b);
  const auto value = coefficient(ranks_a, ranks_b);
  return correlation(ranks_a, ranks_b, value, 1 + value * value / 2);
}

}  // namespace infoplane::plane
