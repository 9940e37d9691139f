#include "estimator/null_curve.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "estimator/entropy.hpp"

namespace infoplane::estimator {

NullCurve::NullCurve(std::span<const float* const> rows, std::span<const double> sums, std::int64_t tokens) {
  const std::size_t m = sums.size();
  std::vector<double> mean(m, 0.0);
  std::vector<double> squares(m, 0.0);
  std::vector<float> groups;
  groups.reserve(rows.size() * m);
  for (const float* const row : rows) {
    for (std::size_t b = 0; b < m; ++b) {
      const auto p = static_cast<double>(row[b]);
      mean[b] += p;
      squares[b] += p * p;
    }
    groups.insert(groups.end(), row, row + m);
  }
  spread_ = 0;
  const auto count = static_cast<double>(rows.size());
  for (std::size_t b = 0; b < m; ++b) {
    const double share = sums[b] / static_cast<double>(tokens);
    if (share > 0 && rows.size() > 1) {
      const double centre = mean[b] / count;
      spread_ += std::max(0.0, squares[b] / count - centre * centre) * count / (count - 1) / share;
    }
  }
  entropy_ = entropy_of_sums(sums) + spread_ / (2 * static_cast<double>(tokens));
  std::size_t left = rows.size();  // groups of n rows, each a sum
  for (std::size_t n = 1; n == 1 || 4 * n <= rows.size(); n *= 2) {
    if (n > 1) {
      left /= 2;
      for (std::size_t g = 0; g < left; ++g) {
        for (std::size_t b = 0; b < m; ++b) {
          groups[g * m + b] = groups[2 * g * m + b] + groups[(2 * g + 1) * m + b];
        }
      }
    }
    double total = 0;
    for (std::size_t g = 0; g < left; ++g) {
      total += entropy_of_sums(std::span<const float>(groups.data() + g * m, m));
    }
    knots_.push_back(entropy_ - total / static_cast<double>(left));
  }
  for (std::int64_t n = 0; n < 512; ++n) {
    table_.push_back(between_knots(n));
  }
}

double NullCurve::bias(std::int64_t n) const noexcept {
  return n < static_cast<std::int64_t>(table_.size()) ? table_[static_cast<std::size_t>(n)] : between_knots(n);
}

double NullCurve::between_knots(std::int64_t n) const noexcept {
  if (n < 1) {
    return 0;
  }
  const auto below = static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(n)) - 1);
  const auto knot = static_cast<std::int64_t>(std::uint64_t{1} << below);
  if (below < knots_.size() && n == knot) {
    return knots_[below];
  }
  if (below + 1 >= knots_.size()) {
    return spread_ / (2 * static_cast<double>(n));
  }
  const double weight = std::log2(static_cast<double>(n) / static_cast<double>(knot));
  return knots_[below] + weight * (knots_[below + 1] - knots_[below]);
}

}  // namespace infoplane::estimator
