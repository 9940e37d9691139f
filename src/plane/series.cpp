#include <algorithm>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/plane/series.hpp>
#include <iterator>
#include <limits>

namespace infoplane::plane {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

double Change::evidence() const noexcept {
  return std::isfinite(value) && std::isfinite(noise) && noise > 0 ? value / noise : 0;
}

Series finite(const Series& series) {
  Series kept;
  std::copy_if(series.begin(), series.end(), std::back_inserter(kept),
               [](const Sample& each) { return std::isfinite(each.value); });
  return kept;
}

Series smoothed(const Series& series, std::int64_t width) {
  INFOPLANE_CHECK(width >= 1 && width % 2 == 1, ArgumentError,
                  "a series is smoothed over an odd number of samples, got ", width);
  Series result = series;
  const auto size = static_cast<std::int64_t>(series.size());
  for (std::int64_t i = 0; i < size; ++i) {
    const auto reach = std::min({width / 2, i, size - 1 - i});
    double sum = 0;
    double squares = 0;
    double count = 0;
    for (std::int64_t j = i - reach; j <= i + reach; ++j) {
      const auto& each = series[static_cast<std::size_t>(j)];
      if (std::isfinite(each.value)) {
        sum += each.value;
        squares += each.standard_error * each.standard_error;
        ++count;
      }
    }
    auto& sample = result[static_cast<std::size_t>(i)];
    sample.value = count > 0 ? sum / count : kNaN;
    sample.standard_error = count > 0 ? std::sqrt(squares) / count : kNaN;
  }
  return result;
}

double step_noise(const Series& series) {
  const auto values = finite(series);
  if (values.size() < 5) {
    return kNaN;
  }
  std::vector<double> bends;
  for (std::size_t i = 1; i + 1 < values.size(); ++i) {
    bends.push_back(std::abs(values[i - 1].value - 2 * values[i].value + values[i + 1].value));
  }
  std::sort(bends.begin(), bends.end());
  const double median = (bends[(bends.size() - 1) / 2] + bends[bends.size() / 2]) / 2;
  return median / (0.6745 * std::sqrt(6.0));
}

Change trend(const Series& series) {
  const auto values = finite(series);
  const auto n = static_cast<double>(values.size());
  if (values.size() < 3) {
    return {kNaN, kNaN};
  }
  double mean = 0;
  for (const auto& each : values) {
    mean += each.value / n;
  }
  const double middle = (n - 1) / 2;
  double products = 0;
  double squares = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = static_cast<double>(i) - middle;
    products += x * (values[i].value - mean);
    squares += x * x;
  }
  const double slope = products / squares;
  double residuals = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double residual = values[i].value - mean - slope * (static_cast<double>(i) - middle);
    residuals += residual * residual;
  }
  return {slope, std::sqrt(residuals / (n - 2) / squares)};
}

}  // namespace infoplane::plane
