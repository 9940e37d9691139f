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

/// `variance` is that of Fisher's z, times n − 3.
Correlation with_interval(double value, std::size_t count, double variance) {
  const auto n = static_cast<double>(count);
  Correlation result{value, kNaN, kNaN, kNaN, static_cast<std::int64_t>(count)};
  if (std::isnan(value)) {
    return result;
  }
  if (count >= 4) {
    const auto half = kQuantile * std::sqrt(variance / (n - 3));
    result.low = std::tanh(std::atanh(value) - half);  // atanh(±1) is infinite: the interval is a point
    result.high = std::tanh(std::atanh(value) + half);
  }
  result.p_value = student_p(value * std::sqrt((n - 2) / (1 - value * value)), n - 2);
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
  return with_interval(coefficient(a, b), a.size(), 1);
}

Correlation spearman(const std::vector<double>& x, const std::vector<double>& y) {
  const auto [a, b] = finite_pairs(x, y);
  const auto value = coefficient(ranks(a), ranks(b));
  return with_interval(value, a.size(), 1 + value * value / 2);
}

}  // namespace infoplane::plane
