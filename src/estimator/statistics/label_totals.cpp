#include "estimator/statistics/label_totals.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace infoplane::estimator {
namespace {

void add_share(LabelBiases::Powers& mean, double beta, double share) noexcept {
  mean.first += share * beta;
  mean.second += share * beta * beta;
}

LabelBiases::Powers less(const LabelBiases::Powers& of, const LabelBiases::Powers& all) noexcept {
  return {of.first - all.first, of.second - all.second};
}

}  // namespace

LabelBiases::LabelBiases(const LabelCounts& counts, const TokenBias& bias) noexcept {
  const auto& squares = counts.squares;
  const auto n = static_cast<double>(counts.tokens);
  add_share(all, bias(counts.tokens, squares[0] + squares[1] + squares[2] + squares[3]), 1);
  if (counts.grows()) {
    Powers fewer;
    if (counts.knows_rows()) {
      add_share(fewer, bias.curve().bias(1), 1);
    } else {
      for (std::size_t i = 0; i < counts.replicates.size(); ++i) {
        add_share(fewer, bias(counts.replicates[i], squares[i]), static_cast<double>(counts.replicates[i]) / n);
      }
    }
    growth = less(fewer, all);
  }
  if (counts.splits()) {
    Powers halves;
    for (const auto& [i, j] : kReplicatePairs) {
      const std::int64_t tokens = counts.replicates[i] + counts.replicates[j];
      add_share(halves, bias(tokens, squares[i] + squares[j]), static_cast<double>(tokens) / (3 * n));
    }
    half = less(halves, all);
  }
}

std::size_t LabelTotals::bucket_of(std::int64_t tokens) noexcept {
  return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(tokens)) - 1);
}

void LabelTotals::add(const LabelCounts& counts, const LabelEntropies& entropies, double weight,
                      const TokenBias& bias) noexcept {
  Bucket& sums = buckets_[bucket_of(counts.tokens)];
  const auto n = static_cast<double>(counts.tokens);
  const LabelBiases biases(counts, bias);
  const auto [beta, beta2] = biases.all;
  const double h = entropies.whole, square = weight * weight;
  sums[kLabels] += 1;
  sums[kTokens] += n;
  sums[kTokens2] += n * n;
  sums[kTokensLog] += n * std::log(n);
  sums[kWeight] += weight;
  sums[kEntropy] += weight * h;
  sums[kRowEntropy] += counts.knows_rows() ? weight * counts.row_entropies / n : 0.0;
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
  if (!counts.grows()) {
    return;
  }
  const double growth = h - (counts.knows_rows() ? counts.row_entropies / n : entropies.quarters);
  const auto [lost, lost2] = biases.growth;
  sums[kGrowing] += 1;
  sums[kGrowth] += weight * growth;
  sums[kGrowthBias] += weight * lost;
  sums[kGrowthBias2] += weight * lost2;
  sums[kGrowthGG] += square * growth * growth;
  sums[kGrowthGB] += square * growth * lost;
  sums[kGrowthBB] += square * lost * lost;
  if (!counts.splits()) {
    // Of two tokens, H has one product of deviations, of 1/4; of three it has three, of 1/9. The noise of four tokens
    // is that of two products, of 1/8.
    sums[kNoise] += square * (counts.tokens == 2 ? 2.0 : 32.0 / 27.0);
    return;
  }
  sums[kHalf] += weight * (h - entropies.halves);
  sums[kHalfBias] += weight * biases.half.first;
  sums[kHalfBias2] += weight * biases.half.second;
  sums[kNoise] += square * entropies.noise;
  sums[kUnitNoise] += square * entropies.noise * n * n / 16;
  sums[kSplitSquares] += square;
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
