#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <span>

#include "estimator/statistics/chance_level.hpp"
#include "estimator/statistics/replicate_pairs.hpp"

namespace infoplane::estimator {

/// How often a label was seen.
struct LabelCounts {
  static constexpr std::int64_t kFewest = 4;  ///< tokens of a label that halves are taken of

  std::int64_t tokens = 0;                   ///< n
  std::array<std::int64_t, 4> replicates{};  ///< tokens of its four replicates
  std::array<float, 4> squares{};            ///< of each replicate: Σ over sequences of (its tokens of the sequence)²
  double row_entropies = 0;                  ///< Σ H(p) over the tokens; NaN where a saved state did not say

  bool knows_rows() const noexcept { return !std::isnan(row_entropies); }
  /// Whether there are independent tokens, between which H grows.
  bool grows() const noexcept {
    return tokens >= (knows_rows() ? 2 : kFewest) &&
           std::none_of(replicates.begin(), replicates.end(), [this](std::int64_t of) { return of == tokens; });
  }
  bool splits() const noexcept { return tokens >= kFewest && grows(); }
};

/// Entropies of a label, in nats. That halves and quarters are of the same tokens as the whole makes their differences
/// antithetic nested estimators (Goda, Hironaka and Iwamoto, 2020): what is linear in the tokens cancels.
struct LabelEntropies {
  double whole = 0;     ///< H of all tokens
  double halves = 0;    ///< mean H of two replicates together, weighted by their tokens, over all six pairs
  double quarters = 0;  ///< mean H of a replicate, weighted by their tokens
  double noise = 0;     ///< variance of mean H of two halves, between the three ways to halve
};

/// What a label counts in means over labels, which divide by the sum of the weights.
inline double weight_of(const LabelCounts& counts, LabelWeights weights) noexcept {
  return weights == LabelWeights::kUniform ? 1.0 : static_cast<double>(counts.tokens);
}

/// The correlation of assignments of a label in a sequence, as it shows where the label has few tokens, and where it
/// has many.
struct Correlation {
  double few = 0;
  double many = 0;
  double at(double tokens) const noexcept {
    constexpr double kMiddle = 16;
    return many + (few - many) * kMiddle / (kMiddle + tokens);
  }
};

/// β(e), where e is the number of independent tokens that are worth as much as n: n / (1 + c (Σ k² / n − 1)), where k
/// are the tokens of the label in each sequence and c is the correlation of assignments in a sequence (Kish's design
/// effect: "Survey Sampling", 1965).
class TokenBias {
 public:
  TokenBias(const ChanceLevel& curve, const Correlation& correlation) : curve_(curve), correlation_(correlation) {}

  /// In nats, of `tokens` tokens with `squares` = Σ k²; 0 of none.
  double operator()(std::int64_t tokens, float squares) const noexcept {
    const auto n = static_cast<double>(tokens);
    // Σ k² ≥ n, but float32 stops counting ones at 2^24.
    const double per_token = std::max(static_cast<double>(squares) / n, 1.0);
    return tokens == 0 ? 0.0 : curve_.bias(n / (1 + correlation_.at(n) * (per_token - 1)));
  }
  const ChanceLevel& curve() const noexcept { return curve_; }

 private:
  const ChanceLevel& curve_;
  Correlation correlation_;
};

/// β and β² of a label, and what they are lower by than those of fewer of its tokens.
struct LabelBiases {
  struct Powers {
    double first = 0;
    double second = 0;
  };
  Powers all;     ///< β(e), β(e)²
  Powers growth;  ///< less than of single tokens, of a label that grows; where H(p) is not known, than of the quarters
  Powers half;    ///< less than of the halves, of a label that splits

  LabelBiases(const LabelCounts& counts, const TokenBias& bias) noexcept;
};

/// Sums over labels, from which the values of a set follow. Those of two halves of the labels add up to those of all.
/// Labels count by weights that need not sum to 1.
class LabelTotals {
 public:
  static constexpr std::size_t kBuckets = 63;  // labels of n in [2^u, 2^(u+1))
  enum Sum : std::size_t {
    kLabels,
    kTokens,
    kTokens2,     // Σ n²
    kTokensLog,   // Σ n log n
    kWeight,      // Σ w
    kEntropy,     // Σ w H(Z|x)
    kRowEntropy,  // Σ w mean H(p)
    kChance,      // Σ w β(n)
    kBias,        // Σ w β(e)
    kBias2,       // Σ w β(e)²
    kGrowing,  // labels that grow, and of those, with g = H − mean H(p), and Δ = β(1) − β(e), Δ2 = β(1)² − β(e)²:
    kGrowth,       // Σ w g; where H(p) is not known, from the quarters instead
    kGrowthBias,   // Σ w Δ
    kGrowthBias2,  // Σ w Δ2
    kGrowthGG,     // Σ w² g²
    kGrowthGB,     // Σ w² g Δ
    kGrowthBB,     // Σ w² Δ²
    kHalf,         // of labels that split: Σ w (H − H_halves), and the same of β(e) and β(e)²
    kHalfBias,
    kHalfBias2,
    kNoise,         // Σ w² noise; of labels of 2 and 3 tokens Σ w² of what noise counts there, see `add`
    kUnitNoise,     // Σ w² noise (n / 4)²: of parts of one token
    kSplitSquares,  // Σ w²
    kSquares,       // Σ w² and Σ w² x y for x, y of H, β(e), β(e)²: of the sample of labels
    kSquaresH,
    kSquaresB,
    kSquaresB2,
    kSquaresHH,
    kSquaresHB,
    kSquaresHB2,
    kSquaresBB,
    kSquaresBB2,
    kSquaresB2B2,
    kSums
  };
  using Bucket = std::array<double, kSums>;

  static std::size_t bucket_of(std::int64_t tokens) noexcept;

  /// A label of at least one token.
  void add(const LabelCounts& counts, const LabelEntropies& entropies, double weight, const TokenBias& bias) noexcept;
  void add(const LabelTotals& other) noexcept;
  /// Σ H(p) over tokens that no label came with, where labels weigh as their tokens.
  void add_row_entropies(double sum) noexcept { buckets_[0][kRowEntropy] += sum; }
  /// All sums, bucket after bucket.
  std::span<double> values() noexcept { return {buckets_[0].data(), kBuckets * kSums}; }

  const Bucket& bucket(std::size_t u) const noexcept { return buckets_[u]; }
  /// Whether no label was seen more than once oftener than another, as where samples are balanced by design.
  bool balanced() const noexcept;
  /// Sum over buckets `first` and above.
  double sum(Sum of, std::size_t first = 0) const noexcept;

 private:
  std::array<Bucket, kBuckets> buckets_{};
};

}  // namespace infoplane::estimator
