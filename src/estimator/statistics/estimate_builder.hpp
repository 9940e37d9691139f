#pragma once

#include <cstdint>
#include <deque>
#include <infoplane/estimator/estimate.hpp>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "estimator/label_sums/label_set.hpp"
#include "estimator/row_totals.hpp"
#include "estimator/statistics/background.hpp"
#include "estimator/statistics/label_set_estimator.hpp"
#include "estimator/statistics/through_estimator.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// What an accumulator has summed. Borrowed.
struct Summed {
  LabelWeights weights;
  const Reservoir& reservoir;
  std::span<const double> sum;  // over all tokens
  std::int64_t tokens;
  std::int64_t rejected;
  double row_entropies;  // Σ H(p) over all tokens
  std::span<const std::unique_ptr<LabelSet>> sets;
  RowMeans rows;
};

/// The estimate of an accumulator: the stages of its sets, between what comes before and after them.
class EstimateBuilder {
 public:
  explicit EstimateBuilder(const Summed& summed);
  EstimateBuilder(const EstimateBuilder&) = delete;
  EstimateBuilder& operator=(const EstimateBuilder&) = delete;

  /// One for each set; none without a token.
  std::deque<LabelSetEstimator>& sets() noexcept { return sets_; }
  /// One for each pair of sets with a joint, after the sets' stages; none without a token.
  void add_joints(std::vector<InputJoint> joints);
  std::deque<ThroughEstimator>& through() noexcept { return through_; }
  /// After the last stage of all.
  Estimate finish();

 private:
  void add_context(Estimate& result) const;
  void add_errors(Estimate& result) const;

  Summed summed_;
  std::vector<std::uint32_t> order_;
  std::vector<double> row_entropies_;  // of the rows of the sample
  std::optional<Background> background_;
  std::deque<LabelSetEstimator> sets_;
  std::deque<ThroughEstimator> through_;
};

}  // namespace infoplane::estimator
