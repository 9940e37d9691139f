#pragma once

#include <infoplane/callbacks/early_stopping.hpp>
#include <string>

namespace infoplane::callbacks {

/// A metric at one check.
struct Measured {
  double value = 0;
  double error = 0;  ///< standard error; 0 where the criterion doesn't ask for it
};

/// @throws ArgumentError if the criterion cannot work.
void validate(const Criterion& criterion);

/// "blocks.2 distance/unigram", or the key alone.
std::string name_of(const Criterion& criterion);

/// Finds the criterion's metric. `point` may be null.
/// @throws ArgumentError if it is missing, unless not `strict`: then NaN.
Measured measure(const Criterion& criterion, const plane::Point* point, const plane::Metrics& fed, std::int64_t step,
                 bool strict);

/// The state after a check. True if it improved.
bool advance(CriterionState& state, const Criterion& criterion, Measured now, std::int64_t step, bool check_finite);

/// One sentence on where the criterion stands.
std::string describe(const CriterionState& state, const Criterion& criterion, std::int64_t step);

}  // namespace infoplane::callbacks
