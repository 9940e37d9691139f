#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace infoplane::plane {

/// A value and its standard error; NaN where the error is unknown.
struct Measured {
  double value = 0;           ///< what was measured
  double standard_error = 0;  ///< of the value; NaN where unknown
  /// Degrees of freedom of the error: the sequences that it was estimated from, less one. NaN where they are unknown:
  /// taken for many.
  double degrees = std::numeric_limits<double>::quiet_NaN();
};

/// Whether a value is as good as the best one.
enum class Verdict : std::uint8_t {
  kBest,       ///< it is the best
  kTied,       ///< not told apart from the best
  kWorse,      ///< worse than the best by more than noise
  kUnknown,    ///< one of the two has no standard error
  kUndefined,  ///< the value is not finite
};

/// "best", "tied", "worse", "unknown" or "undefined".
const char* to_string(Verdict verdict) noexcept;

/// One of the values, and how it compares with the best.
struct Ranked {
  std::size_t index = 0;      ///< in the values that were given
  double difference = 0;      ///< value − best value
  double standard_error = 0;  ///< of the difference, taking the two for independent
  /// Two-sided, of no difference, after Holm's correction for all comparisons with the best: Welch's t, or the normal
  /// distribution where the degrees of freedom are unknown.
  double p_value = 0;
  Verdict verdict = Verdict::kUndefined;  ///< how it compares with the best
};

/// The values from the best to the worst, those that are not finite last; equal ones in the order that they came in.
/// kWorse where p_value < 0.05.
std::vector<Ranked> rank(const std::vector<Measured>& values, bool smaller_is_better);

}  // namespace infoplane::plane
