#pragma once

#include <cstddef>
#include <infoplane/callbacks/criterion_state.hpp>
#include <infoplane/callbacks/early_stopping_options.hpp>
#include <optional>

namespace infoplane::callbacks {

inline constexpr std::size_t kMostMeans = 128;

/// Adds a check. True if it closed a mean.
bool add(History& history, double value, double error);

/// Checks so far.
std::int64_t checks_in(const History& history) noexcept;

/// Whether any check was not 0, which is the loss of a point that was given none.
bool tells(const History& history);

/// Mean over the last tenth of all checks, and its standard error: from the scatter around the line through the last
/// half, or from the checks' own errors, whichever is larger.
struct Level {
  double value = 0;
  double error = 0;
  double scatter = 0;  ///< standard deviation of one of the history's means; 0 below 5 of them
};
Level level_of(const History& history);

/// How checks jump around a straight line, by the last half of them, at least 10.
struct Jumps {
  double deviation = 0;  ///< of a check: √(Σ b² / 6 k) of their k second differences b; NaN below 10
  double freedom =
      0;  ///< degrees of freedom that it has: second differences of white noise are correlated, Σ ρ² = 35/18
  /// Student's quantile for `errors` of the normal distribution.
  double quantile(double errors) const noexcept;
};
Jumps jumps(const History& history);

/// What as many checks again as the last half of all would bring, by the line through that half.
struct Outlook {
  std::int64_t checks = 0;
  double gain = 0;            ///< positive for the better
  double standard_error = 0;  ///< of the gain
  double error = 0;           ///< its one-sided limit at 99 %
  double sure_error = 0;      ///< and at 99.997 %: for what is asked at every check, and must not be luck at any
  double size = 0;            ///< absolute value of the mean over them
};

/// Nothing below 50 checks.
std::optional<Outlook> outlook(const History& history, Mode mode);

}  // namespace infoplane::callbacks
