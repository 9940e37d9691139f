#include <array>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/assignment/temperature.hpp>
#include <limits>
#include <numbers>

namespace infoplane::estimator {
namespace {

/// The divergence and its slope in log κ.
struct Divergence {
  double value;
  double slope;
};

/// Sums the power series of Z, whose terms t_k = (κ²/4)^k / (k! (d/2)_k) are all positive. Only ratios to the running
/// scale are kept, so nothing overflows.
Divergence series_divergence(double d, double kappa) {
  const double quarter = 0.25 * kappa * kappa;
  const double half = 0.5 * d;
  constexpr double kRescaleAbove = 0x1p+600;
  double term = 1;
  double sum = 1;
  double weighted = 0;  // Σ k t_k = κ Z' / 2
  double log_scale = 0;
  for (double k = 0;; ++k) {
    const double ratio = quarter / ((k + 1) * (half + k));
    term *= ratio;
    sum += term;
    weighted += (k + 1) * term;
    if (term > kRescaleAbove) {
      term *= 0x1p-600;
      sum *= 0x1p-600;
      weighted *= 0x1p-600;
      log_scale += 600 * std::numbers::ln2;
    }
    // Behind the peak the ratios fall, so the rest is below a geometric series.
    if (ratio < 1 && term * (k + 1) < 1e-19 * weighted * (1 - ratio)) {
      break;
    }
  }
  const double kappa_a = 2 * weighted / sum;
  const double a = kappa_a / kappa;
  return {kappa_a - (std::log(sum) + log_scale), kappa * kappa * (1 - a * a) - (d - 1) * kappa_a};
}

/// Hankel's expansion of I_ν(κ) √(2πκ) e^(−κ), minus 1, for κ far above ν².
double hankel_tail(double nu, double kappa) {
  const double mu = 4 * nu * nu;
  double term = 1;
  double tail = 0;
  for (int k = 1; k <= 12; ++k) {
    const double odd = 2 * k - 1;
    term *= -(mu - odd * odd) / (k * 8 * kappa);
    tail += term;
  }
  return tail;
}

/// The same for very large κ, where the series is long and κ A − log Z loses digits: the κ in both cancels by hand.
Divergence asymptotic_divergence(double d, double kappa) {
  const double nu = 0.5 * d - 1;
  const double below = hankel_tail(nu, kappa);
  const double above = hankel_tail(nu + 1, kappa);
  const double kappa_a_minus_kappa = kappa * (above - below) / (1 + below);
  const double log_z_minus_kappa = std::lgamma(0.5 * d) + nu * std::log(2 / kappa) + std::log1p(below) -
                                   0.5 * std::log(2 * std::numbers::pi * kappa);
  return {kappa_a_minus_kappa - log_z_minus_kappa, 0.5 * (d - 1)};
}

Divergence divergence(double d, double kappa) {
  return kappa > 1e6 && d * d < 1e-2 * kappa ? asymptotic_divergence(d, kappa) : series_divergence(d, kappa);
}

/// Newton in log κ, where the divergence is nearly a parabola for small κ and a line for large ones; the bracket
/// catches a step that leaves it.
double exact(double d, double log_m) {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  double x = 0.5 * std::log(2 * d * log_m);
  for (int iteration = 0; iteration < 200; ++iteration) {
    const auto [value, slope] = divergence(d, std::exp(x));
    const double excess = value - log_m;
    (excess < 0 ? low : high) = x;
    double next = x - excess / slope;
    if (!std::isfinite(next) || slope <= 0 || next <= low || next >= high) {
      next = std::isfinite(low) && std::isfinite(high) ? 0.5 * (low + high) : x + (excess < 0 ? 1 : -1);
    }
    const double step = std::abs(next - x);
    x = next;
    if (step < 1e-14 * std::max(1.0, std::abs(x))) {
      break;
    }
  }
  return std::exp(-x);
}

/// G(d/2, d/2, κ) κ − Φ⁺, the reference's lower bound of the divergence (Amos' bounds of the Bessel ratio).
double lower_bound(double d, double kappa) {
  const double half = 0.5 * d;
  const double nu = half - 1;
  const double root = std::hypot(kappa, nu);
  const double kappa_g = kappa * kappa / (half + std::hypot(kappa, half));
  return kappa_g - (root - nu + nu * std::log((d - 2) / (nu + root)));
}

double find_eps(std::int64_t d, std::int64_t m, double log_m) {
  const auto dimension = static_cast<double>(d);
  INFOPLANE_CHECK(d > 2, ArgumentError, "the find_eps calibration does not exist at d = ", d, " (m = ", m,
                  "): use infoplane::estimator::Calibration::exact()");
  // Ends of the reference's bracket in log κ.
  double low = 0;
  double high = std::log(1e5);
  INFOPLANE_CHECK(lower_bound(dimension, std::exp(low)) <= log_m && lower_bound(dimension, std::exp(high)) >= log_m,
                  ArgumentError, "the find_eps calibration has no temperature in [1e-5, 1] for d = ", d, ", m = ", m,
                  ": use infoplane::estimator::Calibration::exact()");
  while (high - low > 2e-15 * high) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) {
      break;
    }
    (lower_bound(dimension, std::exp(middle)) < log_m ? low : high) = middle;
  }
  return std::exp(-0.5 * (low + high));
}

}  // namespace

Calibration Calibration::fixed(double epsilon) {
  INFOPLANE_CHECK(epsilon > 0 && std::isfinite(epsilon), ArgumentError,
                  "a temperature must be positive and finite, got ", epsilon);
  return {Kind::kFixed, epsilon};
}

std::string Calibration::name() const {
  static constexpr std::array kNames = {"exact", "find_eps", "leading_order", "fixed"};
  return kNames.at(static_cast<std::size_t>(kind_));
}

double temperature(std::int64_t d, std::int64_t m, const Calibration& calibration) {
  INFOPLANE_CHECK(d >= 2, ArgumentError, "soft entropy needs a dimension d of at least 2, got ", d);
  INFOPLANE_CHECK(m >= 2, ArgumentError, "soft entropy needs at least 2 anchors, got m = ", m);
  const double log_m = std::log(static_cast<double>(m));
  switch (calibration.kind()) {
    case Calibration::Kind::kExact:
      return exact(static_cast<double>(d), log_m);
    case Calibration::Kind::kFindEps:
      return find_eps(d, m, log_m);
    case Calibration::Kind::kLeadingOrder:
      return 1 / std::sqrt(2 * static_cast<double>(d) * log_m);
    case Calibration::Kind::kFixed:
      return calibration.value();
  }
  INFOPLANE_THROW(ArgumentError, "unknown calibration");
}

}  // namespace infoplane::estimator
