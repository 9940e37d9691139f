#include "estimator/statistics/label_totals.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace infoplane::estimator {
namespace {

/// Mean of β and of β² over replicates, weighted by their tokens.
struct ReplicateBias {
  double first = 0;
  double second = 0;
  void add(double beta, double share) noexcept {
    first += share * beta;
    second += share * beta * beta;
  }
};

}  // namespace

std::size_t LabelTotals::bucket_of(std::int64_t tokens) noexcept {
  return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(tokens)) - 1);
}

void LabelTotals::add(const LabelCounts& counts, const LabelEntropies& entropies, double weight,
                      const TokenBias& bias) noexcept {
  Bucket& sums = buckets_[bucket_of(counts.tokens)];
  const auto n = static_cast<double>(counts.tokens);
  const auto& squares = counts.squares;
  const double beta = bias(counts.tokens, squares[0] + squares[1] + squares[2] + squares[3]);
  const double h = entropies.whole, beta2 = beta * beta, square = weight * weight;
  sums[kLabels] += 1;
  sums[kTokens] += n;
  sums[kTokens2] += n * n;
  sums[kTokensLog] += n * std::log(n);
  sums[kWeight] += weight;
  sums[kEntropy] += weight * h;
  sums[kRowEntropy] += weight * counts.row_entropies / n;
  sums[kChance] += weight * bias.curve().bias(n);
  sums[kBias] += weight * beta;
  sums[kBias2] += weight * beta2;
  sums[kSquares] += square;
  sums[kSquaresH] += square * h;
  sums[kSquaresB] += square * beta;
  sums[kSquaresB2] += square * beta2;
  sums[kSquaresHH] += square * h * h;
  sums[kSquaresHB] += square * h * beta;
  sums[kSquaresHB2] += square * h * beta2;
  sums[kSquaresBB] += square * beta * beta;
  sums[kSquaresBB2] += square * beta * beta2;
  sums[kSquaresB2B2] += square * beta2 * beta2;
  if (!counts.splits()) {
    return;
  }
  ReplicateBias halves, quarters;
  for (const auto& [i, j] : kReplicatePairs) {
    const std::int64_t tokens = counts.replicates[i] + counts.replicates[j];
    halves.add(bias(tokens, squares[i] + squares[j]), static_cast<double>(tokens) / (3 * n));
  }
  for (std::size_t i = 0; i < counts.replicates.size(); ++i) {
    quarters.add(bias(counts.replicates[i], squares[i]), static_cast<double>(counts.replicates[i]) / n);
  }
  sums[kSplit] += 1;
  sums[kA11] += weight * (halves.first - beta);
  sums[kA12] += weight * (halves.second - beta2);
  sums[kA21] += weight * (quarters.first - halves.first);
  sums[kA22] += weight * (quarters.second - halves.second);
  sums[kD1] += weight * (h - entropies.halves);
  sums[kD2] += weight * (entropies.halves - entropies.quarters);
  sums[kNoise] += square * entropies.noise;
}

void LabelTotals::add(const LabelTotals& other) noexcept {
  for (std::size_t u = 0; u < kBuckets; ++u) {
    std::transform(buckets_[u].begin(), buckets_[u].end(), other.buckets_[u].begin(), buckets_[u].begin(),
                   std::plus<>());
  }
}

bool LabelTotals::balanced() const noexcept {
  const double labels = sum(kLabels), tokens = sum(kTokens);
  // n and n + 1 have a variance of at most 1/4; drawn labels have one of about n.
  return labels >= 2 && tokens >= static_cast<double>(LabelCounts::kFewest) * labels &&
         labels * sum(kTokens2) - tokens * tokens <= labels * labels / 4;
}

double LabelTotals::sum(Sum of, std::size_t first) const noexcept {
  double total = 0;
  for (std::size_t u = first; u < kBuckets; ++u) {
    total += buckets_[u][of];
  }
  return total;
}

}  // namespace infoplane::estimator
