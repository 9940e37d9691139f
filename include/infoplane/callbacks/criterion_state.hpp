#pragma once

#include <cstdint>
#include <deque>
#include <infoplane/callbacks/stop_reason.hpp>
#include <limits>
#include <vector>

namespace infoplane::callbacks {

/// All checks of a metric in bounded memory: means of equally many checks each, at most 128 of them. Where there are
/// as many, neighbours are merged.
struct History {
  std::vector<double> means;       ///< means of the checks, in their order
  std::vector<double> errors;      ///< standard errors of the means; 0 where not known
  std::int64_t checks_a_mean = 1;  ///< a power of 2
  std::int64_t open = 0;           ///< checks that are not in a mean yet
  double sum = 0;                  ///< of their values
  double squares = 0;              ///< of their standard errors
};

/// Where one criterion stands.
struct CriterionState {
  StopReason reason = StopReason::kNone;                         ///< what it asks for at the last check
  std::int64_t best_step = -1;                                   ///< step of the last improvement; −1 before
  double best_value = std::numeric_limits<double>::quiet_NaN();  ///< value at best_step; NaN before
  double best_error = 0;                                         ///< standard error of best_value, where it is known
  double last_value = std::numeric_limits<double>::quiet_NaN();  ///< smoothed
  std::int64_t waited = 0;                                       ///< checks since the last improvement
  std::int64_t undefined = 0;                                    ///< checks whose value wasn't finite
  std::int64_t checks = 0;    ///< all checks; −1 where not known, in states that an older version saved
  bool seen = false;          ///< whether there was a finite value, at a check or before start_from_step
  std::deque<double> values;  ///< of the last checks, as many as are needed
  std::deque<double> errors;  ///< standard errors of `values`
  History history;            ///< where the criterion asks for `settled`
};

}  // namespace infoplane::callbacks
