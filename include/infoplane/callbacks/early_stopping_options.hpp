#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infoplane::callbacks {

/// Whether a smaller or a larger value of the monitored metric is better.
enum class Mode : std::uint8_t { kMin, kMax };

/// What `min_delta` and `worsening` are measured in.
enum class DeltaMode : std::uint8_t {
  kAbsolute,        ///< the metric's own unit
  kRelative,        ///< the absolute value of the best so far
  kStandardErrors,  ///< √(s² + s_best²), with the metric's standard errors at the check and at the best
};

/// Which of several metrics decide.
enum class Combine : std::uint8_t {
  kFirst,  ///< the first; the others are only followed
  kAll,    ///< all of them must ask for the end at the same check
  kAny,    ///< one is enough
};

/// A patience that lack of improvement never ends.
inline constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max();

inline constexpr const char* kDefaultMonitor = "share/input_unigram/corrected";

/// One metric and what is asked of it.
struct Criterion {
  /// A key that the user feeds, else "loss", else a key of the point. Standard errors are looked up as the key, less a
  /// "/corrected" at its end, with "/standard_error" behind it. A plug-in value whose corrected one is NaN, because it
  /// cannot be told from its noise, is not defined.
  INFOPLANE_ARG(std::string, monitor) = kDefaultMonitor;
  /// Layer whose metrics are meant; empty: the mean over the blocks.
  INFOPLANE_ARG(std::string, layer);
  /// Whether small or large values are good.
  INFOPLANE_ARG(Mode, mode) = Mode::kMin;
  /// Checks without improvement after which training may stop, at least 1.
  INFOPLANE_ARG(std::int64_t, patience) = 5;
  /// An improvement is a change for the better by more than this and, where the standard error s of the metric is
  /// known, by more than √(s² + s_best²). What is more than this but not more than that is no check without
  /// improvement.
  INFOPLANE_ARG(double, min_delta) = 1e-3;
  /// The unit of min_delta and worsening.
  INFOPLANE_ARG(DeltaMode, min_delta_mode) = DeltaMode::kAbsolute;
  /// Training may stop once the value is this good. In the metric's own unit.
  INFOPLANE_ARG(std::optional<double>, stopping_threshold);
  /// Training must stop once the value is worse than this. In the metric's own unit.
  INFOPLANE_ARG(std::optional<double>, divergence_threshold);
  /// Training may stop once the value is worse than the best so far by more than this, in the unit of min_delta_mode,
  /// and by more than worsening_errors.
  INFOPLANE_ARG(std::optional<double>, worsening);
  /// Above 0, a value has worsened only where it is worse by so many standard errors (as Student's quantile, for few
  /// checks), and by √(ln n) more, as the best of n checks is better by luck. The error is that of the difference of
  /// two means over `smoothing` checks, from how the last half of all checks, at least 10, jumps from one to the next:
  /// √(Σ b² / 6 k) of their k second differences b.
  INFOPLANE_ARG(double, worsening_errors) = 0;
  /// The best value to begin with: only what is better counts.
  INFOPLANE_ARG(std::optional<double>, baseline);
  /// What is compared is the mean over this many checks; the first comparison comes when there are so many.
  INFOPLANE_ARG(std::int64_t, smoothing) = 1;
  /// Training may stop once the last so many checks show no trend for the better: the least-squares slope through them,
  /// counted positive for the better, is at most trend_errors times its own standard error, which the residuals give
  /// (plane::trend). At least 3; 0: not asked for. Goes by the values as they are, not smoothed.
  INFOPLANE_ARG(std::int64_t, trend) = 0;
  /// Standard errors of the slope, see trend.
  INFOPLANE_ARG(double, trend_errors) = 1;
  /// Training may stop once it is known, with 99 % confidence, that going on is not worth this much: the least-squares
  /// line through the last half of all checks, at least 25, continued over as many again, gains less than this (in the
  /// metric's own unit; with kRelative of its mean over them), or beyond doubt (99.997 %) that the metric has been
  /// getting worse. The line's error comes from its residuals and their autocorrelation. `patience` is then the fewest
  /// checks without improvement that this takes, and does not end training by itself; an improvement is one of the mean
  /// over the last tenth of all checks, by more than its noise, or one that is as good but has half the variance. Step
  /// 0 is only compared with.
  INFOPLANE_ARG(std::optional<double>, settled);
  /// A value that is NaN or infinite ends training. Unset: as EarlyStoppingOptions::check_finite() says; and where that
  /// is unset too, it does for a loss (is_loss of the key) that is infinite, or NaN after it was finite: one that was
  /// never given is NaN as well, and what lies within its noise is NaN on the plane by nature.
  INFOPLANE_ARG(std::optional<bool>, check_finite);
};

/// Whether a key names a loss: "loss" is one of its words, such as in "loss", "validation_loss" and "loss/heldout".
bool is_loss(std::string_view key) noexcept;

/// The first criterion and what holds for all. That one's options can be set here directly, for a rule of one metric;
/// see Criterion for what they mean. Where no monitor is named, the default rule of EarlyStopping decides: `patience`
/// and `min_delta` are then the least that it waits and counts, and `settled` is 0.01 of the token's share where it is
/// unset; the loss has 0.2 % of its own.
struct EarlyStoppingOptions {
  /// Names its monitor, whichever that is.
  EarlyStoppingOptions& criterion(Criterion first) & {
    criterion_ = std::move(first);
    names_monitor_ = true;
    return *this;
  }
  /// The first criterion, as a whole.
  EarlyStoppingOptions&& criterion(Criterion first) && { return std::move(criterion(std::move(first))); }
  /// The first criterion, as a whole.
  const Criterion& criterion() const noexcept { return criterion_; }

  /// The key of the first criterion; naming one takes the place of the default rule.
  EarlyStoppingOptions& monitor(std::string key) & {
    criterion_.monitor(std::move(key));
    names_monitor_ = true;
    return *this;
  }
  /// The key of the first criterion; naming one takes the place of the default rule.
  EarlyStoppingOptions&& monitor(std::string key) && { return std::move(monitor(std::move(key))); }
  /// The key of the first criterion; naming one takes the place of the default rule.
  const std::string& monitor() const noexcept { return criterion_.monitor(); }
  /// Whether a monitor was named.
  bool names_monitor() const noexcept { return names_monitor_; }

 private:
  Criterion criterion_;
  bool names_monitor_ = false;

  /// Criterion::layer of the first criterion.
  INFOPLANE_ARG_OF(criterion_, layer)
  /// Criterion::mode of the first criterion.
  INFOPLANE_ARG_OF(criterion_, mode)
  /// Criterion::patience of the first criterion.
  INFOPLANE_ARG_OF(criterion_, patience)
  /// Criterion::min_delta of the first criterion.
  INFOPLANE_ARG_OF(criterion_, min_delta)
  /// Criterion::min_delta_mode of the first criterion.
  INFOPLANE_ARG_OF(criterion_, min_delta_mode)
  /// Criterion::stopping_threshold of the first criterion.
  INFOPLANE_ARG_OF(criterion_, stopping_threshold)
  /// Criterion::divergence_threshold of the first criterion.
  INFOPLANE_ARG_OF(criterion_, divergence_threshold)
  /// Criterion::worsening of the first criterion.
  INFOPLANE_ARG_OF(criterion_, worsening)
  /// Criterion::worsening_errors of the first criterion.
  INFOPLANE_ARG_OF(criterion_, worsening_errors)
  /// Criterion::baseline of the first criterion.
  INFOPLANE_ARG_OF(criterion_, baseline)
  /// Criterion::smoothing of the first criterion.
  INFOPLANE_ARG_OF(criterion_, smoothing)
  /// Criterion::trend of the first criterion.
  INFOPLANE_ARG_OF(criterion_, trend)
  /// Criterion::trend_errors of the first criterion.
  INFOPLANE_ARG_OF(criterion_, trend_errors)
  /// Criterion::settled of the first criterion.
  INFOPLANE_ARG_OF(criterion_, settled)
  /// Further metrics, and which of all decide.
  INFOPLANE_ARG(std::vector<Criterion>, also);
  /// Which of all criteria decide.
  INFOPLANE_ARG(Combine, combine) = Combine::kAny;
  /// Points before this step are not checked, but for check_finite: a model whose loss is NaN does not get well.
  INFOPLANE_ARG(std::int64_t, start_from_step) = 0;
  /// Only points of this split are checked. Empty: the split of the first point, and no other may follow.
  INFOPLANE_ARG(std::string, split);
  /// Criterion::check_finite of all criteria that leave it unset.
  INFOPLANE_ARG(std::optional<bool>, check_finite);
  /// A key that is missing is an error; otherwise it counts as a value that is not defined.
  INFOPLANE_ARG(bool, strict) = true;

 public:
  /// All criteria: criterion(); where no monitor is named the loss, and whether it has turned; then also().
  std::vector<Criterion> criteria() const;
};

}  // namespace infoplane::callbacks

namespace infoplane {
using callbacks::EarlyStoppingOptions;
}  // namespace infoplane
