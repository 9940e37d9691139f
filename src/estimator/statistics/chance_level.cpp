#include "estimator/statistics/chance_level.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <infoplane/core/hash.hpp>
#include <numeric>
#include <span>

#include "estimator/statistics/entropy.hpp"
#include "estimator/statistics/entropy_kernels.hpp"
#include "estimator/statistics/prefetch.hpp"

namespace infoplane::estimator {
namespace {

// Groups of many rows are few in one permutation, and the curve's error is common to all labels.
constexpr std::size_t kOfSmallGroups = 4;
constexpr std::size_t kSmallGroup = 8;

constexpr std::size_t kTable = 1024;
constexpr double kTableParts = 8;  // of an integer

/// Sums of entropies of groups of 1, 2, 4, … rows, up to a quarter of them, in one permutation; 0 below `smallest`.
std::vector<double> group_entropies(const Reservoir& sample, std::span<const std::uint32_t> rows, std::size_t m,
                                    std::size_t smallest) {
  std::vector<double> result;
  std::size_t left = rows.size() / smallest;
  std::vector<float> means(left * m);
  std::vector<const float*> members(smallest);
  for (std::size_t n = 1; n == 1 || 4 * n <= rows.size(); n *= 2) {
    double total = 0;
    if (n == smallest) {
      for (std::size_t g = 0; g < left; ++g) {
        for (std::size_t i = 0; i < n; ++i) {
          members[i] = sample.row(rows[g * n + i]);
        }
        for (std::size_t i = (g + 1) * n; n > 1 && i < std::min((g + 2) * n, rows.size()); ++i) {  // in no order
          prefetch_row(sample.row(rows[i]), m);
        }
        total += kernels::mean_entropy(members.data(), static_cast<std::int64_t>(n), static_cast<std::int64_t>(m),
                                       means.data() + g * m);
      }
    } else if (n > smallest) {
      left /= 2;
      for (std::size_t g = 0; g < left; ++g) {
        const std::array<const float*, 2> pair = {means.data() + 2 * g * m, means.data() + (2 * g + 1) * m};
        total += kernels::mean_entropy(pair.data(), 2, static_cast<std::int64_t>(m), means.data() + g * m);
      }
    }
    result.push_back(total);
  }
  return result;
}

/// Another order of the rows, always the same one.
std::vector<std::uint32_t> shuffled(std::span<const std::uint32_t> rows, std::uint64_t number) {
  std::vector<std::uint32_t> result(rows.begin(), rows.end());
  for (std::size_t i = result.size(); i > 1; --i) {
    std::swap(result[i - 1], result[splitmix64(number << 32U | i) % i]);
  }
  return result;
}

}  // namespace

ChanceLevel::ChanceLevel(const Reservoir& sample, std::span<const std::uint32_t> rows, std::size_t anchors,
                         std::size_t permutations) {
  const std::size_t m = anchors;
  std::vector<double> sums(m, 0.0);
  std::vector<double> squares(m, 0.0);
  for (const std::uint32_t index : rows) {
    const float* const row = sample.row(index);
    for (std::size_t b = 0; b < m; ++b) {
      const auto p = static_cast<double>(row[b]);
      sums[b] += p;
      squares[b] += p * p;
    }
  }
  const auto count = static_cast<double>(rows.size());
  for (std::size_t b = 0; b < m; ++b) {
    const double centre = sums[b] / count;
    if (centre > 0 && rows.size() > 1) {
      spread_ += std::max(0.0, squares[b] / count - centre * centre) * count / (count - 1) / centre;
    }
  }
  std::vector<std::vector<double>> entropies(permutations);
  at::parallel_for(0, static_cast<std::int64_t>(permutations), 1, [&](std::int64_t first, std::int64_t last) {
    for (auto k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(last); ++k) {
      const std::size_t smallest = k == 0 ? 1 : k < kOfSmallGroups ? 2 : kSmallGroup;
      entropies[k] = group_entropies(
          sample, k == 0 ? std::vector<std::uint32_t>(rows.begin(), rows.end()) : shuffled(rows, k), m, smallest);
    }
  });
  // From the same rows as the groups, so that what is special in them cancels.
  const double entropy = entropy_of_sums(sums) + bias_of_all(static_cast<std::int64_t>(rows.size()));
  for (std::size_t knot = 0; knot < entropies[0].size(); ++knot) {
    const std::size_t n = std::size_t{1} << knot;
    const std::size_t orders = n == 1 ? 1 : n < kSmallGroup ? kOfSmallGroups : permutations;
    double total = 0;
    for (std::size_t k = 0; k < orders; ++k) {
      total += entropies[k][knot];
    }
    const std::size_t groups = orders * (rows.size() / n);  // whole ones
    knots_.push_back(entropy - total / static_cast<double>(groups));
  }
  for (std::size_t n = 0; n < kTable; ++n) {
    table_.push_back(between_knots(static_cast<double>(n) / kTableParts));
  }
}

double ChanceLevel::bias(double n) const noexcept {
  const double at = n * kTableParts;
  if (at + 1 < static_cast<double>(kTable)) {
    const auto below = static_cast<std::size_t>(at);
    return table_[below] + (at - static_cast<double>(below)) * (table_[below + 1] - table_[below]);
  }
  return between_knots(n);
}

double ChanceLevel::between_knots(double n) const noexcept {
  if (n < 1) {
    return n > 0 ? knots_[0] : 0;
  }
  const double place = std::log2(n);
  const auto below = static_cast<std::size_t>(place);
  if (below < knots_.size() && place == static_cast<double>(below)) {
    return knots_[below];
  }
  if (below + 1 >= knots_.size()) {
    return spread_ / (2 * n);
  }
  const std::size_t first =
      std::min(below > 0 ? below - 1 : 0, knots_.size() - std::min<std::size_t>(4, knots_.size()));
  const std::span<const double> near(knots_.data() + first, std::min<std::size_t>(4, knots_.size()));
  if (std::all_of(near.begin(), near.end(), [](double knot) { return knot > 0; })) {
    double log = 0;  // Lagrange's polynomial
    for (std::size_t i = 0; i < near.size(); ++i) {
      double factor = 1;
      for (std::size_t j = 0; j < near.size(); ++j) {
        factor *=
            j == i ? 1.0 : (place - static_cast<double>(first + j)) / (static_cast<double>(i) - static_cast<double>(j));
      }
      log += factor * std::log(near[i]);
    }
    return std::exp(log);
  }
  return knots_[below] + (place - static_cast<double>(below)) * (knots_[below + 1] - knots_[below]);
}

}  // namespace infoplane::estimator
