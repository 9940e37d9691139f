#pragma once

#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/plane/series.hpp>
#include <optional>
#include <string>

#include "callbacks/history.hpp"

namespace infoplane::callbacks {

/// Where the default rule finds a loss that is fed.
inline constexpr const char* kFedLoss = "validation_loss";
/// What it looks at where the first point has no share.
inline constexpr const char* kOlderMonitor = "distance/unigram/corrected";

/// A metric at one check.
struct Measured {
  double value = 0;
  double error = 0;      ///< standard error; 0 where it is not known and the criterion does not ask for it
  bool missing = false;  ///< there is no such key
  bool noise = false;    ///< a plug-in value whose corrected one is undefined: nobody can tell it from its noise
};

/// @throws ArgumentError if the criterion cannot work.
void validate(const Criterion& criterion);

/// "blocks.2 distance/unigram", or the key alone.
std::string name_of(const Criterion& criterion);

/// Finds the criterion's metric. `point` may be null.
/// @throws ArgumentError if it is missing, unless not `strict`: then NaN.
Measured measure(const Criterion& criterion, const plane::Point* point, const plane::Metrics& fed, std::int64_t step,
                 bool strict);

/// Whether `check_finite` ends training here.
bool not_finite(const CriterionState& state, const Criterion& criterion, const Measured& now);

/// The state after a check. True if it improved.
bool advance(CriterionState& state, const Criterion& criterion, const Measured& now, std::int64_t step);

/// What a state that asks for the end asks for by these options.
StopReason reconsidered(const CriterionState& state, const Criterion& criterion);

/// Slope a check of the last `trend` values, positive for the better.
plane::Change trend_of(const CriterionState& state, const Criterion& criterion);

/// `settled` in the metric's own unit.
double margin(const Criterion& criterion, const Outlook& ahead);

/// Whether it is beyond doubt that the metric has been getting worse.
bool gets_worse(const CriterionState& state, const Criterion& criterion);
/// Whether it seems to get better by more than `settled`, and by more than the standard error.
bool still_gains(const CriterionState& state, const Criterion& criterion);
/// Whether its last six checks (means of checks, where there are 128 and more) show a trend for the better: by more
/// than three standard errors of their line. Fewer than three defined ones show none.
bool gains_now(const CriterionState& state, const Criterion& criterion);
/// Whether the criterion needs all checks.
bool keeps_history(const Criterion& criterion);

/// One sentence on where the criterion stands.
std::string describe(const CriterionState& state, const Criterion& criterion, std::int64_t step);

/// One sentence for a criterion that asks for the end by its trend, as another one of the same metric does the other
/// way.
std::string describe_rest(const CriterionState& state, const Criterion& criterion, std::int64_t step);

/// What is known of the gain that is left, of a criterion that asks for `settled`.
std::string describe_outlook(const CriterionState& state, const Criterion& criterion);

}  // namespace infoplane::callbacks
