#include "estimator/statistics/covariance.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace infoplane::estimator {
namespace {

/// Rows of a sample in the order of their sequences, and where each sequence ends.
struct Clusters {
  std::vector<std::uint32_t> rows;
  std::vector<std::size_t> ends;

  Clusters(const Reservoir& sample, std::span<const std::uint32_t> given) : rows(given.begin(), given.end()) {
    std::sort(rows.begin(), rows.end(), [&sample](std::uint32_t a, std::uint32_t b) {
      return sample.sequence(a) != sample.sequence(b) ? sample.sequence(a) < sample.sequence(b) : a < b;
    });
    for (std::size_t i = 1; i <= rows.size(); ++i) {
      if (i == rows.size() || sample.sequence(rows[i]) != sample.sequence(rows[i - 1])) {
        ends.push_back(i);
      }
    }
  }
};

/// What squares of a sample's rows, and products of two rows of a sequence, count in the whole stream. A pair of
/// different rows is in the sample less often than one row, and counts for more.
struct Expansion {
  double single = 1;
  double pair = 0;  // of one sequence, nothing is known about others

  Expansion(double sampled, double tokens, double sequences) {
    if (sequences >= 2 && sampled >= 2) {
      const double small = sequences / (sequences - 1);
      single = tokens / sampled * small;
      pair = tokens * (tokens - 1) / (sampled * (sampled - 1)) * small;
    } else if (sampled >= 2) {
      single = tokens / (sampled - 1);
    }
  }
};

}  // namespace

Covariance covariance(const Reservoir& sample, std::int64_t tokens, std::vector<std::vector<double>> influences,
                      std::span<const double> second_order, std::span<const double> other) {
  const std::size_t rows = sample.size();
  if (sample.sequences() < 2 || rows < 2) {
    return {};
  }
  const std::size_t values = influences.size();
  std::vector<std::uint32_t> all(rows);
  std::iota(all.begin(), all.end(), 0U);
  const Clusters clusters(sample, all);
  std::vector<std::vector<double>> totals(values, std::vector<double>(clusters.ends.size(), 0.0));
  for (std::size_t v = 0; v < values; ++v) {
    auto& y = influences[v];
    const double mean = std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(rows);
    for (double& value : y) {
      value -= mean;
    }
    std::size_t i = 0;
    for (std::size_t c = 0; c < clusters.ends.size(); ++c) {
      for (; i < clusters.ends[c]; ++i) {
        totals[v][c] += y[clusters.rows[i]];
      }
    }
  }
  const Expansion expansion(static_cast<double>(rows), static_cast<double>(tokens),
                            static_cast<double>(sample.sequences()));
  std::vector<double> of_tokens(values * values);
  std::vector<double> of_sequences(values * values);
  for (std::size_t a = 0; a < values; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      const double own = std::inner_product(influences[a].begin(), influences[a].end(), influences[b].begin(), 0.0);
      const double all_pairs = std::inner_product(totals[a].begin(), totals[a].end(), totals[b].begin(), 0.0);
      of_tokens[a * values + b] = of_tokens[b * values + a] = expansion.single * own;
      of_sequences[a * values + b] = of_sequences[b * values + a] = expansion.pair * (all_pairs - own);
    }
  }
  for (std::size_t v = 0; v < values; ++v) {
    double& variance = of_tokens[v * values + v];
    variance = std::max(variance - second_order[v], second_order[v]) + other[v];
  }
  return {values, std::move(of_tokens), std::move(of_sequences)};
}

Spread spread_between_sequences(const Reservoir& sample, std::span<const std::uint32_t> rows,
                                std::span<const double> sums, std::int64_t tokens) {
  if (rows.size() < 2 || tokens < 1) {
    return {};
  }
  const std::size_t m = sums.size();
  const auto n = static_cast<double>(tokens);
  const auto r = static_cast<double>(rows.size());
  std::vector<double> mean(m, 0.0);
  for (const std::uint32_t row : rows) {
    const float* const p = sample.row(row);
    for (std::size_t b = 0; b < m; ++b) {
      mean[b] += static_cast<double>(p[b]) / r;
    }
  }
  const Clusters clusters(sample, rows);
  std::vector<double> own(m, 0.0), together(m, 0.0), total(m);
  std::size_t i = 0;
  for (const std::size_t end : clusters.ends) {
    std::fill(total.begin(), total.end(), 0.0);
    for (; i < end; ++i) {
      const float* const p = sample.row(clusters.rows[i]);
      for (std::size_t b = 0; b < m; ++b) {
        const double deviation = static_cast<double>(p[b]) - mean[b];
        own[b] += deviation * deviation;
        total[b] += deviation;
      }
    }
    for (std::size_t b = 0; b < m; ++b) {
      together[b] += total[b] * total[b];
    }
  }
  double pairs = 0;
  for (std::size_t c = 0; c < clusters.ends.size(); ++c) {
    const auto size = static_cast<double>(clusters.ends[c] - (c > 0 ? clusters.ends[c - 1] : 0));
    pairs += size * (size - 1);
  }
  const Expansion expansion(r, n, static_cast<double>(sample.sequences()));
  Spread spread;
  double singles = 0;
  double products = 0;
  for (std::size_t b = 0; b < m; ++b) {
    if (sums[b] > 0) {  // Var(P_b) / P_b = Var(sum) / (n · sum)
      const double pair = together[b] - own[b];
      spread.entropy_bias += (expansion.single * own[b] + expansion.pair * pair) / (2 * n * sums[b]);
      singles += own[b] / sums[b];
      products += pair / sums[b];
    }
  }
  spread.entropy_bias = std::max(spread.entropy_bias, 0.0);
  if (pairs > 0 && singles > 0) {
    spread.correlation = std::clamp(products / pairs / (singles / r), 0.0, 1.0);
  }
  return spread;
}

}  // namespace infoplane::estimator
