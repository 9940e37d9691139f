#pragma once

#include <cstdint>

namespace infoplane::callbacks {

/// Why training may stop.
enum class StopReason : std::uint8_t {
  kNone,        ///< it may go on
  kPatience,    ///< no improvement for `patience` checks
  kThreshold,   ///< the metric is as good as `stopping_threshold` asks for
  kWorsening,   ///< the metric is worse than its best by more than `worsening`
  kDivergence,  ///< the metric is worse than `divergence_threshold`
  kNotFinite,   ///< the metric is NaN or infinite, and `check_finite` asks for an end then
  kTrend,       ///< the last `trend` checks show none for the better
  kSettled,     ///< it is known that going on is not worth `settled`
};

/// "none", "patience", "threshold", "worsening", "divergence", "not finite", "trend" or "settled".
const char* to_string(StopReason reason) noexcept;

/// For a launcher: 0 where training wasn't stopped; 10 (patience), 11 (threshold), 12 (worsening), 13 (trend), 14
/// (settled) where it has done what it could; 20 (divergence), 21 (not finite) where it went wrong.
int exit_code(StopReason reason) noexcept;

}  // namespace infoplane::callbacks
