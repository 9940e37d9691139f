#include "callbacks/history.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace infoplane::callbacks {
namespace {

constexpr std::size_t kLeastScatter = 5;
constexpr std::size_t kLeastOutlook = 25;
constexpr double kLikely = 2.326;  // of the normal distribution: 99 %
constexpr double kSure = 4;        // 99.997 %

/// A straight line through the last `count` means.
struct Line {
  double count = 0;
  double mean = 0;
  double slope = 0;
  double squares = 0;          ///< of the abscissae
  double scatter = 0;          ///< standard deviation of the residuals
  double autocorrelation = 0;  ///< of neighbouring residuals, without its bias; between 0 and 0.9
};

Line line_through(const std::vector<double>& means, std::size_t count) {
  const auto first = means.end() - static_cast<std::ptrdiff_t>(count);
  Line line;
  line.count = static_cast<double>(count);
  line.mean = std::accumulate(first, means.end(), 0.0) / line.count;
  const double middle = (line.count - 1) / 2;
  double products = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = static_cast<double>(i) - middle;
    products += x * (first[static_cast<std::ptrdiff_t>(i)] - line.mean);
    line.squares += x * x;
  }
  line.slope = products / line.squares;
  std::vector<double> residuals(count);
  for (std::size_t i = 0; i < count; ++i) {
    residuals[i] = first[static_cast<std::ptrdiff_t>(i)] - line.mean - line.slope * (static_cast<double>(i) - middle);
  }
  const double sum = std::inner_product(residuals.begin(), residuals.end(), residuals.begin(), 0.0);
  line.scatter = std::sqrt(sum / (line.count - 2));
  if (sum > 0) {
    const double raw = std::inner_product(residuals.begin() + 1, residuals.end(), residuals.begin(), 0.0) / sum;
    line.autocorrelation = std::clamp(raw + (2 + 4 * raw) / line.count, 0.0, 0.9);
  }
  return line;
}

std::size_t last_half(const History& history, std::size_t least) {
  return std::max(least, (history.means.size() + 1) / 2);
}

/// Student's quantile for one of the normal distribution, by the first terms of Cornish and Fisher's expansion.
double student(double z, double freedom) {
  return z + (z * z * z + z) / (4 * freedom) + (5 * std::pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * freedom * freedom);
}

}  // namespace

bool add(History& history, double value, double error) {
  history.sum += value;
  history.squares += error * error;
  if (++history.open < history.checks_a_mean) {
    return false;
  }
  const auto count = static_cast<double>(history.open);
  history.means.push_back(history.sum / count);
  history.errors.push_back(std::sqrt(history.squares) / count);
  history.sum = history.squares = 0;
  history.open = 0;
  if (history.means.size() == kMostMeans) {
    for (std::size_t i = 0; i < kMostMeans / 2; ++i) {
      history.means[i] = (history.means[2 * i] + history.means[2 * i + 1]) / 2;
      history.errors[i] = std::hypot(history.errors[2 * i], history.errors[2 * i + 1]) / 2;
    }
    history.means.resize(kMostMeans / 2);
    history.errors.resize(kMostMeans / 2);
    history.checks_a_mean *= 2;
  }
  return true;
}

std::int64_t checks_in(const History& history) noexcept {
  return static_cast<std::int64_t>(history.means.size()) * history.checks_a_mean + history.open;
}

bool tells(const History& history) {
  return std::any_of(history.means.begin(), history.means.end(), [](double mean) { return mean != 0; });
}

Level level_of(const History& history) {
  const auto tenth = std::max<std::size_t>(1, history.means.size() / 10);
  const auto back = static_cast<std::ptrdiff_t>(tenth);
  const auto count = static_cast<double>(tenth);
  const auto errors = history.errors.end() - back;
  Level level;
  level.value = std::accumulate(history.means.end() - back, history.means.end(), 0.0) / count;
  level.error = std::sqrt(std::inner_product(errors, history.errors.end(), errors, 0.0)) / count;
  if (history.means.size() >= kLeastScatter) {
    level.scatter = line_through(history.means, last_half(history, kLeastScatter)).scatter;
    level.error = std::max(level.error, level.scatter / std::sqrt(count));
  }
  return level;
}

double Jumps::quantile(double errors) const noexcept { return student(errors, freedom); }

Jumps jumps(const History& history) {
  constexpr std::size_t kLeast = 10;
  if (history.means.size() < kLeast) {
    return {std::numeric_limits<double>::quiet_NaN(), 1};
  }
  const auto first = history.means.end() - static_cast<std::ptrdiff_t>(last_half(history, kLeast));
  double squares = 0;
  double bends = 0;
  for (auto mean = first + 1; mean + 1 != history.means.end(); ++mean) {
    const double bend = mean[-1] - 2 * mean[0] + mean[1];
    squares += bend * bend;
    ++bends;
  }
  return {std::sqrt(squares / (6 * bends) * static_cast<double>(history.checks_a_mean)), bends * 18 / 35};
}

std::optional<Outlook> outlook(const History& history, Mode mode) {
  if (history.means.size() < 2 * kLeastOutlook) {
    return std::nullopt;
  }
  const auto line = line_through(history.means, last_half(history, kLeastOutlook));
  const double correlated = (1 + line.autocorrelation) / (1 - line.autocorrelation);
  const double error = line.scatter * std::sqrt(correlated / line.squares);
  const double freedom = std::max(line.count / correlated - 2, 1.0);
  Outlook ahead;
  ahead.checks = static_cast<std::int64_t>(line.count) * history.checks_a_mean;
  ahead.gain = (mode == Mode::kMin ? -line.slope : line.slope) * line.count;
  ahead.standard_error = error * line.count;
  ahead.error = student(kLikely, freedom) * ahead.standard_error;
  ahead.sure_error = student(kSure, freedom) * ahead.standard_error;
  ahead.size = std::abs(line.mean);
  return ahead;
}

}  // namespace infoplane::callbacks
