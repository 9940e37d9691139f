#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "estimator/label_sums/label_rows.hpp"
#include "estimator/statistics/entropy.hpp"
#include "estimator/statistics/entropy_kernels.hpp"
#include "estimator/statistics/pairs.hpp"

namespace infoplane::estimator {

/// The sums of a label's four parts, of each pair of them, and of all, in float64: where rows have a float64 row, and
/// where sums themselves are wanted.
struct LabelRows::Label {
  static constexpr std::size_t kHalf = 4;
  static constexpr std::size_t kAll = kHalf + kPairs.size();
  std::array<std::int64_t, kAll + 1> tokens{};
  std::array<std::vector<double>, kAll + 1> sums;

  explicit Label(std::int64_t anchors) { sums.fill(std::vector<double>(static_cast<std::size_t>(anchors))); }

  void load(const LabelRows& rows, std::uint32_t slot) {
    for (std::size_t part = 0; part < kHalf; ++part) {
      std::fill(sums[part].begin(), sums[part].end(), 0.0);
      const std::uint32_t row = rows.parts_[slot][part];
      tokens[part] = row == kNone ? 0 : rows.tokens_of_row(row);
      if (tokens[part] > 0) {
        rows.add_row_to(row, sums[part].data());
      }
    }
    for (std::size_t pair = 0; pair < kPairs.size(); ++pair) {
      join(kPairs[pair][0], kPairs[pair][1], kHalf + pair);
    }
    join(kHalf, kHalf + 1, kAll);
  }
  double entropy(std::size_t of) const { return entropy_of_sums(sums[of]); }
  kernels::SplitEntropies split() const {
    kernels::SplitEntropies result{};
    for (std::size_t i = 0; i < kAll; ++i) {
      (i < kHalf ? result.rows[i] : result.pairs[i - kHalf]) = tokens[i] > 0 ? entropy(i) : 0.0;
    }
    return result;
  }

 private:
  void join(std::size_t a, std::size_t b, std::size_t into) {
    std::transform(sums[a].begin(), sums[a].end(), sums[b].begin(), sums[into].begin(), std::plus<>());
    tokens[into] = tokens[a] + tokens[b];
  }
};

}  // namespace infoplane::estimator
