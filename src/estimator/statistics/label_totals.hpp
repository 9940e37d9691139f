#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <span>

#include "estimator/statistics/chance_level.hpp"
#include "estimator/statistics/replicate_pairs.hpp"

namespace infoplane::estimator {

/// How often a label was seen.
struct LabelCounts {
  static constexpr std::int64_t kFewest = 4;  ///< tokens of a label that can be extrapolated from

  std::int64_t tokens = 0;                   ///< n
  std::array<std::int64_t, 4> replicates{};  ///< tokens of its four replicates
  std::array<float, 4> squares{};            ///< of each replicate: Σ over sequences of (its tokens of the sequence)²
  double row_entropies = 0;                  ///< Σ H(p) over the tokens

  bool splits() const noexcept {
    return tokens >= kFewest &&
           std::none_of(replicates.begin(), replicates.end(), [this](std::int64_t of) { return of == tokens; });
  }
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

/// β(e), where e is the number of independent tokens that are worth as much as n: n / (1 + c (Σ k² / n − 1)), where k
/// are the tokens of the label in each sequence and c is the correlation of assignments in a sequence (Kish's design
/// effect: "Survey Sampling", 1965).
class TokenBias {
 public:
  TokenBias(const ChanceLevel& curve, double correlation) : curve_(curve), correlation_(correlation) {}

  /// In nats, of `tokens` tokens with `squares` = Σ k²; 0 of none.
  double operator()(std::int64_t tokens, float squares) const noexcept {
    const auto n = static_cast<double>(tokens);
    // Σ k² ≥ n, but float32 stops counting ones at 2^24.
    const double per_token = std::max(static_cast<double>(squares) / n, 1.0);
    return tokens == 0 ? 0.0 : curve_.bias(n / (1 + correlation_ * (per_token - 1)));
  }
  const ChanceLevel& curve() const noexcept { return curve_; }

 private:
  const ChanceLevel& curve_;
  double correlation_;
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
    kSplit,       // labels that the equations hold
    kA11,         // the equations of labels that split, see `add`
    kA12,
    kA21,
    kA22,
    kD1,
    kD2,
    kNoise,    // Σ w² noise
    kSquares,  // Σ w² and Σ w² x y for x, y of H, β(e), β(e)²: of the sample of labels
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
