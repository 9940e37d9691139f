#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "estimator/statistics/chance_level.hpp"
#include "estimator/statistics/label_totals.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// A row of the sample and the slot of its label.
struct LabelOfRow {
  std::uint32_t slot, index;
};

/// How alike rows of one label are in one sequence, and in two: sums over pairs of them, for the `correlation` of such
/// rows. Those of labels that lie apart add up.
///
/// The correlation c says how many independent tokens k tokens of a sequence are worth, k / (1 + c (k − 1)). Of many,
/// that is what their mean varies by, and c is the correlation of (p_b − P_b) / √P_b (P: the mean row). Of two, it is
/// what their entropy grows by, H((p + q) / 2) − (H(p) + H(q)) / 2, as 2 / (1 + c) independent tokens of the label do.
/// The two differ by up to a fifth, either way.
struct LabelPairs {
  enum Sum : std::size_t {
    kGrowth,            ///< over labels with both kinds of pairs: Σ w growth of pairs of one sequence
    kGrowthApart,       ///< Σ w growth of pairs of two
    kGrowthWeight,      ///< Σ w, with w the ordered pairs of one sequence
    kProducts,          ///< Σ over pairs of Σ_b (p_b − P_b) (q_b − P_b) / P_b
    kPairs,             ///< how many
    kProductsTogether,  ///< the same of pairs of one sequence
    kPairsTogether,
    kSquaresTogether,  ///< of each row with itself, once for each row that it makes a pair of a sequence with
    kSums
  };
  std::array<double, kSums> sums{};

  /// `rows`: those with a label of the set, in random order; `by_label`: those whose label is here, in the order of
  /// slots; `entropy`: H of a row.
  void add(const Reservoir& sample, std::span<const std::uint32_t> rows, std::span<const LabelOfRow> by_label,
           const std::function<double(std::uint32_t index)>& entropy);

  /// c of tokens of one label in one sequence, beyond what the label says. Equal labels often stand beside each
  /// other, or are the same word in the same sense: they are more alike than any two tokens of the sequence, whose
  /// correlation, `of_others`, counts like a few dozen pairs, and alone where there are none.
  Correlation correlation(const ChanceLevel& curve, double of_others) const noexcept;

 private:
  double of_growth(const ChanceLevel& curve) const noexcept;
  double of_products() const noexcept;
};

}  // namespace infoplane::estimator
