#include "estimator/covariance.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace infoplane::estimator {

Covariance covariance(const Reservoir& sample, std::int64_t tokens, std::vector<std::vector<double>> influences) {
  const std::size_t rows = sample.size();
  if (sample.sequences() < 2 || rows < 2) {
    return {};
  }
  const std::size_t values = influences.size();
  std::vector<std::uint32_t> by_sequence(rows);
  std::iota(by_sequence.begin(), by_sequence.end(), 0U);
  std::sort(by_sequence.begin(), by_sequence.end(), [&sample](std::uint32_t a, std::uint32_t b) {
    return sample.sequence(a) != sample.sequence(b) ? sample.sequence(a) < sample.sequence(b) : a < b;
  });
  std::vector<std::size_t> ends;  // of the sequences in that order
  for (std::size_t i = 1; i <= rows; ++i) {
    if (i == rows || sample.sequence(by_sequence[i]) != sample.sequence(by_sequence[i - 1])) {
      ends.push_back(i);
    }
  }
  std::vector<std::vector<double>> totals(values, std::vector<double>(ends.size(), 0.0));
  for (std::size_t v = 0; v < values; ++v) {
    auto& y = influences[v];
    const double mean = std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(rows);
    for (double& value : y) {
      value -= mean;
    }
    std::size_t i = 0;
    for (std::size_t c = 0; c < ends.size(); ++c) {
      for (; i < ends[c]; ++i) {
        totals[v][c] += y[by_sequence[i]];
      }
    }
  }
  const auto n = static_cast<double>(tokens);
  const auto r = static_cast<double>(rows);
  const auto clusters = static_cast<double>(sample.sequences());
  const double small = clusters / (clusters - 1);
  const double single = n / r * small;
  const double pair = n * (n - 1) / (r * (r - 1)) * small;
  std::vector<double> of_tokens(values * values);
  std::vector<double> of_sequences(values * values);
  for (std::size_t a = 0; a < values; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      const double own = std::inner_product(influences[a].begin(), influences[a].end(), influences[b].begin(), 0.0);
      const double all = std::inner_product(totals[a].begin(), totals[a].end(), totals[b].begin(), 0.0);
      of_tokens[a * values + b] = of_tokens[b * values + a] = single * own;
      of_sequences[a * values + b] = of_sequences[b * values + a] = pair * (all - own);
    }
  }
  return {values, std::move(of_tokens), std::move(of_sequences)};
}

}  // namespace infoplane::estimator
