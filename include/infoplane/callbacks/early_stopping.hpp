#pragma once

#include <cstdint>
#include <infoplane/callbacks/criterion_state.hpp>
#include <infoplane/callbacks/early_stopping_options.hpp>
#include <infoplane/callbacks/stop_reason.hpp>
#include <infoplane/plane/point.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infoplane::callbacks {

struct Measured;

/// Decides from the points of a run, one after another, whether training may stop. A plain value: copies carry the
/// state, and equal points give equal verdicts on every rank.
///
/// The best value moves only by improvements of more than min_delta, so many small steps add up until they are one. A
/// metric that isn't finite is neither better nor worse: such a check changes nothing and costs no patience.
/// Divergence, and check_finite, end training whatever `combine` says, unless the metric is one that doesn't decide.
///
/// **The default rule**, where the options name no monitor, ends a run only on evidence that nothing is left to gain,
/// never for want of an improvement. The loss decides: `validation_loss` once it is fed, else that of the points. It
/// must have settled (Criterion::settled), and `share/input_unigram/corrected`, what the layers keep of the last token
/// in all that they keep, must not be falling by more than its noise, unless the loss has been rising. A held-out loss,
/// fed or of held-out points, may also have turned: the mean of three checks lies above the best by 0.75 % and beyond
/// its noise, while that share is at rest. Without a loss the share decides alone. The best step is that of the
/// loss, or without one of the share, and never step 0. Where the first
/// point has no such share, as of a model without tokens, its place is taken by `distance/<name>/corrected` of the
/// first output set that the trainer gave, else by `I(X;Z)/context/corrected`; of points of releases before 0.2 by
/// `distance/unigram/corrected`. docs/stopping.md says how long the evidence takes.
class EarlyStopping {
 public:
  /// @throws ArgumentError if a patience or smoothing is below 1, a trend below 3 and not 0, min_delta, worsening,
  /// worsening_errors or settled negative or not finite, worsening_errors without worsening, trend_errors not finite, a
  /// threshold or baseline NaN, start_from_step negative, or a monitor empty.
  explicit EarlyStopping(EarlyStoppingOptions options = {});

  /// The rule that did best in the study of those that see a bound: the share of what comes next in all that the layers
  /// keep has no trend any more, and the loss has not improved for some checks. best_step() is that of the loss.
  /// docs/stopping.md has the runs it was chosen and the runs it was reported on. For held-out points of a fixed batch
  /// with their loss, `end_heldout(step, loss)`; without a loss it never ends a run. Options can be changed further.
  /// `output`: the set that says what comes out, by its name in keys.
  static EarlyStoppingOptions compression(const std::string& output = "output_unigram");

  /// Takes the next point; true once training may stop, and from then on whatever follows. Points of another split
  /// than options().split(), before start_from_step, and after the end change nothing, improved() and message()
  /// included. `fed`: metrics of the user's own, such as {"validation_loss", 1.7}; they come before those of the point.
  /// When it throws, nothing has changed.
  /// @throws ArgumentError if a monitored key or layer is missing and options().strict(); lists what there is.
  /// @throws StateError if the point's step isn't above that of the point before, or splits mix.
  bool update(const plane::Point& point, const plane::Metrics& fed = {});
  /// The same without a point: all monitored metrics are fed.
  bool update(std::int64_t step, const plane::Metrics& fed);

  /// Whether training may stop.
  bool stopped() const noexcept { return reason_ != StopReason::kNone; }
  /// Why it may; kNone before.
  StopReason reason() const noexcept { return reason_; }
  /// Step of the point that stopped it; −1 before.
  std::int64_t stopped_step() const noexcept { return stopped_step_; }
  /// Of the first criterion (see the default rule): step of the last improvement; −1 before the first finite value.
  std::int64_t best_step() const noexcept { return leading().best_step; }
  /// Value at best_step(); NaN (or the baseline) before.
  double best_value() const noexcept { return leading().best_value; }
  /// Checks since the last improvement.
  std::int64_t waited() const noexcept { return leading().waited; }
  /// Checks whose value wasn't finite.
  std::int64_t undefined() const noexcept { return leading().undefined; }
  /// True if the last point that counted moved best_step().
  bool improved() const noexcept { return improved_; }
  /// How often best_step() moved in this object: what load_state brings along does not count.
  std::int64_t improvements() const noexcept { return improvements_; }
  /// All criteria, in the order of options().criteria().
  const std::vector<CriterionState>& states() const noexcept { return states_; }
  /// One sentence on where it stands, such as "no improvement of distance/unigram by more than 0.001 in 5 checks since
  /// step 800 (best 0.41); 3 of 8 checks were not defined".
  std::string message() const;

  /// The state as JSON text, for the trainer's checkpoint.
  std::string save_state() const;
  /// Goes on from what save_state gave, with the options of this rule: one that was ended and is loaded with more
  /// patience, say, is not ended any more. When it throws, nothing has changed.
  /// @throws ArgumentError if the text is no such state, contradicts itself, or comes from other criteria; if it was
  /// ended by an option that this rule does not have.
  void load_state(std::string_view text);

  /// What it was made with.
  const EarlyStoppingOptions& options() const noexcept { return options_; }

 private:
  void take(std::int64_t step, const plane::Point* point, const plane::Metrics& fed);
  void look_before_start(const std::vector<Measured>& measured, std::int64_t step);
  bool default_rule() const noexcept { return !options_.names_monitor(); }
  std::size_t leader() const noexcept;
  const CriterionState& leading() const noexcept { return states_[leader()]; }
  bool chooses_fed_loss(const plane::Metrics& fed);
  void choose_share(const plane::Point* point, const plane::Metrics& fed);
  StopReason asked_by_default_rule() const;
  bool has_turned() const;
  /// Whether the criterion and the next one ask for the end because one metric has no trend either way.
  bool is_rest_of_both(std::size_t index) const;
  std::pair<StopReason, std::size_t> vote_of_default_rule() const;
  void decide(std::int64_t step);
  void reconsider();

  EarlyStoppingOptions options_;
  std::vector<Criterion> criteria_;
  std::vector<CriterionState> states_;
  StopReason reason_ = StopReason::kNone;
  std::size_t deciding_ = 0;  // criterion that message() tells about
  std::string split_;
  std::int64_t last_step_ = -1;
  std::int64_t stopped_step_ = -1;
  bool improved_ = false;
  std::int64_t improvements_ = 0;
};

}  // namespace infoplane::callbacks

namespace infoplane {
using callbacks::EarlyStopping;
}  // namespace infoplane
