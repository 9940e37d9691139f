#pragma once

#include <cstdint>
#include <deque>
#include <infoplane/estimator/estimate.hpp>
#include <infoplane/estimator/soft_entropy_options.hpp>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "estimator/label_sums/label_rows.hpp"
#include "estimator/statistics/background.hpp"
#include "estimator/statistics/label_estimation.hpp"
#include "estimator/token_sample/reservoir.hpp"

namespace infoplane::estimator {

/// What an accumulator has summed. Borrowed.
struct Summed {
  LabelWeights weights;
  const Reservoir& reservoir;
  std::span<const double> sum;  // over all tokens
  std::int64_t tokens;
  std::int64_t rejected;
  std::span<const std::unique_ptr<LabelRows>> sets;
};

/// The estimate of an accumulator: the stages of its sets, between what comes before and after them.
class Estimation {
 public:
  explicit Estimation(const Summed& summed);
  Estimation(const Estimation&) = delete;
  Estimation& operator=(const Estimation&) = delete;

  /// One for each set; none without a token.
  std::deque<LabelEstimation>& sets() noexcept { return sets_; }
  /// After the last stage of all sets.
  Estimate finish();

 private:
  void add_errors(Estimate& result) const;

  Summed summed_;
  std::vector<std::uint32_t> order_;
  std::optional<Background> background_;
  std::deque<LabelEstimation> sets_;
};

}  // namespace infoplane::estimator
