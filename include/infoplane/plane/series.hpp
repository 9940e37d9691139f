#pragma once

#include <cstdint>
#include <vector>

namespace infoplane::plane {

/// One metric at one step.
struct Sample {
  std::int64_t step = 0;      ///< of the point
  double value = 0;           ///< NaN where undefined
  double standard_error = 0;  ///< NaN where not known
};

/// One metric over a run, in the order of its steps.
using Series = std::vector<Sample>;

/// A change and its noise, in the metric's unit.
struct Change {
  double value = 0;  ///< the change
  double noise = 0;  ///< standard error of `value`; NaN where not known

  /// value / noise; 0 where either isn't known.
  double evidence() const noexcept;
};

/// The samples whose value is finite.
Series finite(const Series& series);

/// Each sample as the mean of the `width` samples around it (fewer at the ends, the same on both sides), over those
/// that are finite; standard errors as of independent samples. `width` 1 gives the series itself.
/// @throws ArgumentError unless width is odd and positive.
Series smoothed(const Series& series, std::int64_t width);

/// Standard deviation of what is not a trend: from the median of |x_{i−1} − 2 x_i + x_{i+1}| over the finite samples,
/// which is 0.6745 √6 σ for independent normal noise around a straight line. Half of the steps may bend as they like.
/// NaN below 5 finite samples.
double step_noise(const Series& series);

/// Least-squares slope per sample (not per step) over the finite samples, with the standard error that the residuals
/// give it. NaN below 3 finite samples.
Change trend(const Series& series);

}  // namespace infoplane::plane
