#pragma once

#include <cmath>
#include <cstdint>
#include <infoplane/bound/joint.hpp>
#include <infoplane/core/hash.hpp>
#include <vector>

namespace infoplane::test {

using Dense = std::vector<std::vector<double>>;

inline bound::Joint joint_of(const Dense& counts) {
  std::vector<std::int64_t> offsets{0};
  std::vector<std::uint32_t> columns;
  std::vector<double> values;
  for (const auto& row : counts) {
    for (std::size_t y = 0; y < row.size(); ++y) {
      if (row[y] > 0) {
        columns.push_back(static_cast<std::uint32_t>(y));
        values.push_back(row[y]);
      }
    }
    offsets.push_back(static_cast<std::int64_t>(columns.size()));
  }
  return {offsets, columns, values, static_cast<std::int64_t>(counts.front().size())};
}

/// Uniform in [0, 1).
inline double uniform(std::uint64_t seed, std::uint64_t place) {
  return static_cast<double>(splitmix64(splitmix64(seed) + place) >> 11U) * 0x1p-53;
}

/// Counts with a heavy tail; about a quarter of the pairs never occurs.
inline Dense random_counts(std::uint64_t seed, std::size_t rows, std::size_t columns) {
  Dense counts(rows, std::vector<double>(columns));
  for (std::size_t i = 0; i < rows * columns; ++i) {
    const double u = uniform(seed, i);
    counts[i / columns][i % columns] = u < 0.25 && i % columns != (i / columns) % columns ? 0 : std::exp(4 * u);
  }
  return counts;
}

/// −p log p − (1 − p) log(1 − p).
inline double binary_entropy(double p) {
  const auto term = [](double q) { return q > 0 ? -q * std::log(q) : 0; };
  return term(p) + term(1 - p);
}

}  // namespace infoplane::test
