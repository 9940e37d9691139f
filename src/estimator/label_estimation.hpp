#pragma once

#include <cstdint>
#include <infoplane/estimator/estimate.hpp>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <optional>
#include <span>
#include <vector>

#include "estimator/background.hpp"
#include "estimator/extrapolation.hpp"
#include "estimator/label_rows.hpp"
#include "estimator/reservoir.hpp"
#include "estimator/totals.hpp"

namespace infoplane::estimator {

/// The values of one label set, in stages. Each stage takes the totals of the one before and puts its own, so that
/// ranks that have a part of the labels each, and the same sample of rows, come to the same values.
class LabelEstimation {
 public:
  static constexpr int kStages = 7;

  /// The values of the set, and how much each row of the sample moves them.
  struct Result {
    InformationEstimate estimate;
    std::vector<double> entropy_influence;      // on H(Z)
    std::vector<double> information_influence;  // on the corrected information; empty where that is NaN
    double second_order = 0;                    // variance of its quadratic part, which influences count twice
    double of_labels = 0;                       // variance that the sample of labels adds
  };

  /// `order`: of the rows of the sample; `all_rows`: of the whole sample, which stands for the rows with a label of
  /// this set where nearly all have one. All are borrowed.
  LabelEstimation(const LabelRows& set, LabelWeights weights, const Reservoir& reservoir,
                  std::span<const std::uint32_t> order, const Background& all_rows)
      : set_(set), weights_(weights), reservoir_(reservoir), order_(order), all_rows_(all_rows) {}

  /// Stages 0 … kStages − 1, with `totals.next()` between them.
  void stage(int number, Totals& totals);
  /// After the last stage.
  Result& result() noexcept { return result_; }

 private:
  void count(Totals& totals);
  void weigh(Totals& totals);
  void fit(Totals& totals);
  void correct(Totals& totals);
  void influence(Totals& totals);
  void centre(Totals& totals);
  void finish(Totals& totals);
  void add_influences(double kept_rows);

  const LabelRows& set_;
  LabelWeights weights_;
  const Reservoir& reservoir_;
  std::span<const std::uint32_t> order_;
  const Background& all_rows_;
  Result result_;
  bool done_ = false;
  std::int64_t kept_tokens_ = 0;
  std::vector<LabelEntropy> labels_;  // of this rank
  std::vector<double> all_;           // sum of all rows with a label
  std::optional<Background> own_;
  std::optional<Extrapolation> extrapolation_;
  std::vector<std::uint32_t> kept_rows_;  // of the sample, with a label that this rank has
  double mean_influence_ = 0;
};

}  // namespace infoplane::estimator
