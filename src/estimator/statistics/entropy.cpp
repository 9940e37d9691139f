#include "estimator/statistics/entropy.hpp"

#include <cmath>
#include <limits>

#include "estimator/statistics/entropy_kernels.hpp"

namespace infoplane::estimator {
namespace {

template <typename T>
double entropy(std::span<const T> sums) noexcept {
  double total = 0;
  for (const T value : sums) {
    total += static_cast<double>(value);
  }
  if (!(total > 0)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return std::log(total) - kernels::sum_of_logs(sums.data(), static_cast<std::int64_t>(sums.size())) / total;
}

}  // namespace

double entropy_of_sums(std::span<const double> sums) noexcept { return entropy(sums); }
double entropy_of_sums(std::span<const float> sums) noexcept { return entropy(sums); }

}  // namespace infoplane::estimator
