#pragma once

#include <array>
#include <cstdint>
#include <infoplane/estimator/estimate.hpp>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <optional>
#include <span>
#include <vector>

#include "estimator/label_sums/label_set.hpp"
#include "estimator/statistics/background.hpp"
#include "estimator/statistics/extrapolation.hpp"
#include "estimator/statistics/label_correlation.hpp"
#include "estimator/statistics/label_totals.hpp"
#include "estimator/statistics/reduction.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// The values of one label set, in stages. Each stage takes the totals of the one before and puts its own, so that
/// ranks that have a part of the labels each, and the same sample of rows, come to the same values.
class LabelSetEstimator {
 public:
  static constexpr int kStages = 5;

  /// The values of the set, and how much each row of the sample moves them.
  struct Result {
    InformationEstimate estimate;
    std::vector<double> entropy_influence;      // on H(Z)
    std::vector<double> information_influence;  // on the corrected information; empty where that is NaN
    std::vector<double> context_influence;      // on I(context;Z) of its positions; empty where that is NaN
    double second_order = 0;                    // variance of its quadratic part, which influences count twice
    double of_labels = 0;                       // variance that the sample of labels adds
    double of_model = 0;                        // squared error that the extrapolation is expected to have
  };

  /// `order`: of the rows of the sample; `all_rows`: of the whole sample, which stands for the rows with a label of
  /// this set where nearly all have one; `row_entropies`: of the rows of the sample. All are borrowed.
  LabelSetEstimator(const LabelSet& set, LabelWeights weights, const Reservoir& reservoir,
                    std::span<const std::uint32_t> order, const Background& all_rows,
                    std::span<const double> row_entropies);

  /// Stages 0 … kStages − 1, with `reduction.next()` between them.
  void stage(int number, Reduction& reduction);
  /// After the last stage.
  Result& result() noexcept { return result_; }

 private:
  void count(Reduction& reduction);
  void measure(Reduction& reduction);
  void solve(Reduction& reduction);
  void centre(Reduction& reduction);
  void finish(Reduction& reduction);
  bool has_own() const noexcept;
  const Background& background() const noexcept { return own_ ? *own_ : all_rows_; }
  void add_plugin(const LabelTotals& sums);
  void add_entropy_influences();
  void add_context_influences();
  /// Of the rows in `kept_rows_`; not centred.
  void add_influences(const Extrapolation& extrapolation, double sum_of_weights);
  double entropy_of_row(std::uint32_t index) const noexcept;
  /// The rows in `kept_rows_`, in the order of slots.
  std::vector<LabelOfRow> rows_by_label() const;
  /// Takes from the influences what rows of a label have in common: where each label has its number of tokens by
  /// design, other draws would have it too. `rows`: in the order of labels.
  void keep_label_shares(std::span<const LabelOfRow> rows);

  const LabelSet& set_;
  LabelWeights weights_;
  const Reservoir& reservoir_;
  const Background& all_rows_;
  std::span<const double> row_entropies_;
  Result result_;
  bool done_ = false;
  std::vector<std::uint32_t> rows_;       // of the sample, with a label, in random order
  std::vector<std::uint32_t> kept_rows_;  // with a label that this rank has
  std::vector<double> all_;               // sum of all rows with a label
  std::optional<Background> own_;
  Correlation correlation_;  // of tokens of a label in a sequence
  LabelTotals sums_;
};

}  // namespace infoplane::estimator
