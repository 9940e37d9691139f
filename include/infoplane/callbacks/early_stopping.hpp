#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/plane/point.hpp>
#include <limits>
#include <string>

namespace infoplane::callbacks {

/// Whether a smaller or a larger value of the monitored metric is better.
enum class Mode : std::uint8_t { kMin, kMax };

/// Why training may stop.
enum class StopReason : std::uint8_t {
  kNone,      ///< it may go on
  kPatience,  ///< no improvement for `patience` checks
};

/// "none" or "patience".
const char* to_string(StopReason reason) noexcept;

struct EarlyStoppingOptions {
  /// Key looked up in Point::mean.
  INFOPLANE_ARG(std::string, monitor) = "distance/unigram";
  INFOPLANE_ARG(Mode, mode) = Mode::kMin;
  /// Checks without improvement after which training may stop, at least 1.
  INFOPLANE_ARG(std::int64_t, patience) = 5;
  /// An improvement is a change for the better by more than this, in the metric's own unit.
  INFOPLANE_ARG(double, min_delta) = 1e-3;
  /// Points before this step are not checked.
  INFOPLANE_ARG(std::int64_t, start_from_step) = 0;
  /// Only points of this stream are checked. Empty: the stream of the first point, and no other may follow.
  INFOPLANE_ARG(std::string, stream) = "";
};

/// Decides from the points of a run, one after another, whether training may stop. A plain value: copies carry the
/// state, and equal points give equal verdicts on every rank.
///
/// The best value moves only by improvements of more than min_delta, so many small steps add up until they are one. A
/// metric that isn't finite is neither better nor worse: such a check changes nothing and costs no patience.
class EarlyStopping {
 public:
  /// @throws ArgumentError if patience is below 1, min_delta negative or not finite, start_from_step negative, or
  /// monitor empty.
  explicit EarlyStopping(EarlyStoppingOptions options = {});

  /// Takes the next point; true once training may stop, and from then on whatever follows. Points of another stream
  /// than options().stream() change nothing. When it throws, nothing has changed.
  /// @throws ArgumentError if the point's mean lacks the monitored key; lists the keys there are.
  /// @throws StateError if the point's step isn't above that of the point before, or streams mix.
  bool update(const plane::Point& point);

  bool stopped() const noexcept { return reason_ != StopReason::kNone; }
  StopReason reason() const noexcept { return reason_; }
  /// Step of the point that stopped it; −1 before.
  std::int64_t stopped_step() const noexcept { return stopped_step_; }
  /// Step of the last improvement; −1 before the first finite value.
  std::int64_t best_step() const noexcept { return best_step_; }
  /// Value at best_step(); NaN before the first finite value.
  double best_value() const noexcept { return best_value_; }
  /// Checks since the last improvement.
  std::int64_t waited() const noexcept { return waited_; }
  /// Checks whose value wasn't finite.
  std::int64_t undefined() const noexcept { return undefined_; }
  /// One sentence on where it stands, such as "no improvement of distance/unigram by more than 0.001 in 5 checks since
  /// step 800 (best 0.41)".
  std::string message() const;

  const EarlyStoppingOptions& options() const noexcept { return options_; }

 private:
  bool improves(double value) const noexcept;

  EarlyStoppingOptions options_;
  StopReason reason_ = StopReason::kNone;
  std::string stream_;
  std::int64_t last_step_ = -1;
  std::int64_t stopped_step_ = -1;
  std::int64_t best_step_ = -1;
  double best_value_ = std::numeric_limits<double>::quiet_NaN();
  std::int64_t waited_ = 0;
  std::int64_t undefined_ = 0;
};

}  // namespace infoplane::callbacks

namespace infoplane {
using callbacks::EarlyStopping;
using callbacks::EarlyStoppingOptions;
}  // namespace infoplane
