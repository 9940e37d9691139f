#include "monitor/monitor_impl.hpp"

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <utility>

#include "monitor/point_assembly.hpp"
#include "monitor/shared_sites.hpp"
#include "monitor/target_checks.hpp"
#include "monitor/token_views.hpp"
#include "monitor/window_choice.hpp"

namespace infoplane {

/// Adds the time of its scope to that of the monitor, once where they lie in one another.
class Monitor::Impl::Stopwatch {
 public:
  explicit Stopwatch(MonitorState& state) : state_(state) { ++state_.stopwatches; }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    if (--state_.stopwatches == 0) {
      state_.seconds += seconds_since(start_);
    }
  }

 private:
  MonitorState& state_;
  Clock::time_point start_ = Clock::now();
};

/// Ranks draw their samples apart from one another; those of a sequence group are one run of tokens to a label.
MonitorOptions Monitor::Impl::for_rank(MonitorOptions options) const {
  auto estimator = options.estimator();
  options.estimator(estimator.stream(estimator.stream() + static_cast<std::uint64_t>(ranks_.rank())));
  return options;
}

Observation Monitor::Impl::observe(Split& split, std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets,
                                   const BatchDetails& details) {
  const Stopwatch stopwatch(*state_);
  require_none_open();
  HostBatch batch(tokens, targets, details, options_.time_major());
  check_targets(batch.tokens(), options_.time_major(), options_.targets_repeat_tokens());
  std::vector<Split::Row> rows;
  rows.push_back({"", std::move(batch)});
  return open(
      split, step, std::move(rows),
      state_->facts.orders.wants_match() ? followed_tokens(tokens, details, options_.time_major()) : at::Tensor());
}

Observation Monitor::Impl::observe(Split& split, std::int64_t step, const BatchDetails& details) {
  const Stopwatch stopwatch(*state_);
  require_none_open();
  return open(split, step, rows_of(details), at::Tensor());
}

/// One without tokens, or those that the details name.
std::vector<Split::Row> Monitor::Impl::rows_of(const BatchDetails& details) const {
  std::vector<Split::Row> rows;
  if (details.tokens().empty()) {
    rows.push_back({"", HostBatch(details, options_.time_major())});
    return rows;
  }
  const bool has_more = details.mask().defined() || details.documents().defined() || details.positions().defined() ||
                        !details.inputs().empty() || !details.outputs().empty() || !details.labels().empty() ||
                        details.prefix() != 0 || details.suffix() != 0 || details.only().chosen();
  INFOPLANE_CHECK(
      !has_more, ArgumentError,
      "BatchDetails has rows of tokens, and details beside them, of which nothing says whose they are: give "
      "each row its own, {\"encoder.*\", source, {}, BatchDetails().mask(mask)}");
  for (const auto& row : details.tokens()) {
    INFOPLANE_CHECK(!row.sites.empty(), ArgumentError,
                    "a row of BatchDetails::tokens has no pattern of the sites that read it: give one, such as "
                    "\"encoder.*\"");
    HostBatch batch(row.tokens, row.targets, *row.details, options_.time_major());
    check_targets(batch.tokens(), options_.time_major(), options_.targets_repeat_tokens());
    rows.push_back({row.sites, std::move(batch)});
  }
  return rows;
}

void Monitor::Impl::require_none_open() const {
  INFOPLANE_CHECK(!is_open(), StateError,
                  "an observation is open already: let it end with its scope, or call its finish(), before the next");
}

Observation Monitor::Impl::open(Split& split, std::int64_t step, std::vector<Split::Row> rows,
                                const at::Tensor& followed) {
  state_->facts.watch(watcher_->sites());
  auto scope = watcher_->observe(
      [state = state_, watcher = watcher_, &split](const hooks::Site& site, const at::Tensor& tensor) {
        const Stopwatch inner(*state);
        split.capture(site, tensor, watcher->axis_match(), watcher->positions());
      },
      followed);
  split.begin(step, std::move(rows));
  auto closed = [state = state_, watcher = watcher_, &split](Observation::Impl::End end) {
    const Stopwatch inner(*state);
    state->end_micro_batch(split, end, watcher->sites());
  };
  auto impl = std::make_shared<Observation::Impl>(std::move(scope), std::move(closed), pending_);
  open_ = impl;
  return Observation(std::move(impl));
}

void MonitorState::end_micro_batch(Split& split, Observation::Impl::End end, const std::vector<hooks::Site>& sites) {
  switch (end) {
    case Observation::Impl::End::kNormally:
      saw_forward = true;
      split.keep(sites);
      break;
    case Observation::Impl::End::kThrew:
      split.take_back(Dropped::Cause::kThrew);
      break;
    case Observation::Impl::End::kDiscarded:
      split.take_back(Dropped::Cause::kDiscarded);
      break;
    case Observation::Impl::End::kFailed:
      saw_forward = true;
      split.take_back(Dropped::Cause::kFailed);
      break;
  }
}

std::optional<plane::Point> Monitor::Impl::end(Split& split, std::int64_t step, bool wanted, const Loss& loss,
                                               LossKind kind) {
  const Stopwatch stopwatch(*state_);
  heldout_step_ = &split == &state_->heldout ? -1 : heldout_step_;
  if (!wanted) {
    ranks_.alone() ? settle() : close();  // over ranks an error waits for the point, where all hear of it
    return std::nullopt;
  }
  std::exception_ptr error;
  auto mine = own_report(split, step, loss, error);
  mine.cross_entropy = kind == LossKind::kCrossEntropy;
  std::optional<plane::Point> point;
  std::vector<estimator::NamedEstimate> estimates;
  try {
    const auto meeting = ranks_.meet(std::move(mine), settings_for_others(split), error);
    if (meeting.measured) {
      point = measure(split, step, meeting, estimates);
    }
  } catch (...) {
    if (!error) {
      state_->drop(Dropped::Cause::kFailed);
    }
    throw;
  }
  if (point) {
    split.reset();
    if (options_.estimator().centre()) {
      split.learn_centres(*point, estimates, watcher_->sites(), own_sites());
    }
    look_at_window(split, *point);
    emit(*point);
  } else {
    split.drop(Dropped::Cause::kFailed);  // of what is without tokens
  }
  return point;
}

/// What this rank has to say of a step that ends. `error` is what went wrong on it: inside the window, which is lost
/// then, or with the call, which leaves it.
RankReport Monitor::Impl::own_report(Split& split, std::int64_t step, const Loss& loss, std::exception_ptr& error) {
  RankReport report;
  report.split = split.name();
  report.step = step;
  try {
    settle();
    if (split.has_window()) {
      INFOPLANE_CHECK(split.step() == step, StateError, "step ", step, " ends, but the last observation was of step ",
                      split.step(), ": give observe() and end_step() the same step");
      verify_missing(split);
    }
    report.loss = loss();
  } catch (const std::exception& failure) {
    error = std::current_exception();
    report.error = failure.what();
  }
  report.dropped = split.dropped().text();
  report.has_tokens = !split.empty();
  report.ended_early = split.ended_early();
  report.window = state_->facts.window;
  return report;
}

/// The point of all ranks, which the first of them makes. Before its first one the sinks learn what it is measured
/// with.
plane::Point Monitor::Impl::measure(Split& split, std::int64_t step, const Ranks::Meeting& meeting,
                                    std::vector<estimator::NamedEstimate>& estimates) {
  estimates = ranks_.estimates(split.accumulators(watcher_->sites(), own_sites()));
  plane::Point point;
  std::exception_ptr error;
  if (ranks_.rank() == 0) {
    try {
      point = assemble_point(
          {split.name(), step, meeting.loss, meeting.cross_entropy, meeting.sites, estimates, meeting.dropped},
          options_);
      point.time = seconds_since(start_);
      if (!header_) {
        auto header = header_of(meeting);
        header.window = window_after(split, point);
        start(std::move(header));
      }
    } catch (...) {
      error = std::current_exception();
    }
  }
  return ranks_.from_first(std::move(point), error);
}

std::vector<SharedSite> Monitor::Impl::own_sites() const {
  return shared_sites(watcher_->sites(), options_.first_block());
}

void Monitor::Impl::end_forgotten_heldout() {
  if (heldout_step_ >= 0) {
    end(
        state_->heldout, heldout_step_, true, [] { return std::nullopt; }, LossKind::kOther);
  }
}

void Monitor::Impl::rescan() {
  require_closed("rescan()");
  if (has_model_) {
    watcher_->rescan();
  } else {
    watcher_ = std::make_shared<hooks::Watcher>(
        hooks::WatchOptions().sites(options_.sites()));  // taps become sites as they come
  }
  state_->drop(Dropped::Cause::kRescanned);
  state_->facts.forget();
  state_->saw_forward = false;
  verified_ = false;
}

void Monitor::Impl::close() {
  if (auto open = open_.lock()) {
    open->finish(Observation::Impl::End::kNormally);
  }
}

/// Closes what is open and throws what went wrong inside; the statistics of a broken window are dropped.
void Monitor::Impl::settle() {
  close();
  try {
    if (pending_->error) {
      std::rethrow_exception(std::exchange(pending_->error, nullptr));
    }
    if (state_->saw_forward && !verified_) {
      watcher_->verify();
      verified_ = true;
    }
  } catch (...) {
    state_->drop(Dropped::Cause::kFailed);
    throw;
  }
}

/// A layer that comes no longer is an error where its norm was replaced; a dropped layer is NaN in the point.
void Monitor::Impl::verify_missing(const Split& split) {
  if (!split.misses_any(watcher_->sites()) && !split.ended_early()) {
    return;
  }
  try {
    watcher_->verify_sources();
  } catch (...) {
    state_->drop(Dropped::Cause::kFailed);
    throw;
  }
}

/// Of the train split, once the point has come; 0 where it is not known yet.
std::int64_t Monitor::Impl::window_after(const Split& split, const plane::Point& point) const {
  if (options_.window() > 0 || window_seen_) {
    return state_->facts.window;
  }
  const auto content = content_of(point);
  return &split != &state_->train || content.tokens == 0 ? 0 : std::min(times_needed(content), options_.every());
}

/// Once for each split: how much its points hold, and in its first point what would do. That is of all ranks, so they
/// choose the same window.
void Monitor::Impl::look_at_window(const Split& split, plane::Point& point) {
  const bool is_train = &split == &state_->train;
  bool& seen = is_train ? window_seen_ : heldout_seen_;
  const auto content = content_of(point);
  if (seen || content.tokens == 0) {
    return;
  }
  auto& window = state_->facts.window;
  window = is_train ? window_after(split, point) : window;
  seen = true;
  // A first point at step 0, or of a window that was chosen only now, is of one step.
  const std::int64_t steps = !is_train || (options_.window() > 0 && point.step > 0) ? 1 : window;
  const WindowContent then{steps * content.tokens, steps * content.sequences};
  if (auto advice = advice_on(then, is_train ? window : 0, options_.every()); !advice.empty()) {
    point.reasons.emplace("window", std::move(advice));
  }
}

/// Of several ranks only the first one writes.
void Monitor::Impl::start(runs::RunHeader header) {
  header_ = std::move(header);
  for (const auto& sink : sinks_) {
    sink->write(*header_);
  }
}

void Monitor::Impl::emit(const plane::Point& point) {
  for (const auto& sink : sinks_) {
    if (ranks_.rank() == 0) {
      sink->write(point);
    }
  }
}

void Monitor::Impl::add(std::shared_ptr<sinks::Sink> sink) {
  if (ranks_.rank() != 0) {
    return;
  }
  sink->open();
  if (header_) {
    sink->write(*header_);
  }
  sinks_.push_back(std::move(sink));
}

}  // namespace infoplane
