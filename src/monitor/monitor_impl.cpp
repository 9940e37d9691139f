#include "monitor/monitor_impl.hpp"

#include <algorithm>
#include <bit>
#include <infoplane/core/error.hpp>

#include "monitor/shared_sites.hpp"
#include "monitor/target_checks.hpp"
#include "monitor/token_views.hpp"

namespace infoplane {

const double Monitor::Impl::no_loss = std::bit_cast<double>(0x7ff8696e666f706cULL);

bool Monitor::Impl::is_none(double loss) {
  return std::bit_cast<std::uint64_t>(loss) == std::bit_cast<std::uint64_t>(no_loss);
}

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

/// Ranks draw their samples apart from one another; those of a sequence group are one stream to a label.
MonitorOptions Monitor::Impl::for_rank(MonitorOptions options) const {
  if (!ranks_.alone()) {
    auto estimator = options.estimator();
    options.estimator(estimator.stream(estimator.stream() + static_cast<std::uint64_t>(ranks_.rank())));
  }
  return options;
}

Observation Monitor::Impl::observe(Stream& stream, std::int64_t step, const at::Tensor& tokens,
                                   const at::Tensor& targets, const BatchDetails& details) {
  const Stopwatch stopwatch(*state_);
  INFOPLANE_CHECK(!is_open(), StateError,
                  "an observation is open already: let it end with its scope, or call its finish(), before the next");
  const HostBatch batch(tokens, targets, details, options_.time_major());
  check_targets(batch.tokens(), options_.time_major(), options_.targets_repeat_tokens());
  state_->facts.watch(watcher_->sites());
  const auto followed =
      state_->facts.orders.wants_match() ? followed_tokens(tokens, details, options_.time_major()) : at::Tensor();
  auto scope = watcher_->observe(
      [state = state_, watcher = watcher_, &stream](const hooks::Site& site, const at::Tensor& tensor) {
        const Stopwatch inner(*state);
        stream.capture(site, tensor, watcher->axis_match());
      },
      followed);
  stream.begin(step, batch);
  auto closed = [state = state_, watcher = watcher_, &stream](Observation::Impl::End end) {
    const Stopwatch inner(*state);
    state->end_micro_batch(stream, end, watcher->sites());
  };
  auto impl = std::make_shared<Observation::Impl>(std::move(scope), std::move(closed), pending_);
  open_ = impl;
  return Observation(std::move(impl));
}

void MonitorState::end_micro_batch(Stream& stream, Observation::Impl::End end, const std::vector<hooks::Site>& sites) {
  switch (end) {
    case Observation::Impl::End::kNormally:
      saw_forward = true;
      stream.keep(sites);
      break;
    case Observation::Impl::End::kThrew:
      stream.take_back(Dropped::Cause::kThrew);
      break;
    case Observation::Impl::End::kDiscarded:
      stream.take_back(Dropped::Cause::kDiscarded);
      break;
    case Observation::Impl::End::kFailed:
      saw_forward = true;
      stream.take_back(Dropped::Cause::kFailed);
      break;
  }
}

std::optional<plane::Point> Monitor::Impl::end(Stream& stream, std::int64_t step, bool wanted, const Loss& loss) {
  const Stopwatch stopwatch(*state_);
  heldout_step_ = &stream == &state_->heldout ? -1 : heldout_step_;
  if (!ranks_.alone()) {
    return end_together(stream, step, wanted, loss);
  }
  settle();
  const bool unmeasured = stream.empty() && !(stream.ended_early() && stream.prototype() != nullptr);
  if (!wanted || unmeasured) {
    return std::nullopt;
  }
  INFOPLANE_CHECK(stream.step() == step, StateError, "step ", step, " ends, but the last observation was of step ",
                  stream.step(), ": give observe() and end_step() the same step");
  verify_missing(stream);
  const auto sites = shared_sites(watcher_->sites(), options_.first_block());
  const auto estimates = estimator::estimates(stream.accumulators(watcher_->sites(), sites));
  auto point = stream.point(loss(), sites, estimates, stream.dropped().text());
  stream.reset();
  point.time = seconds_since(start_);
  if (!header_) {
    start(header_of(sites, stream.prototype()->dimension(), stream.dtype(), stream.label_sets()));
  }
  emit(point);
  return point;
}

/// Over ranks an error is kept until the next point, where all ranks hear of it: so none waits for another.
std::optional<plane::Point> Monitor::Impl::end_together(Stream& stream, std::int64_t step, bool wanted,
                                                        const Loss& loss) {
  if (!wanted) {
    close();
    return std::nullopt;
  }
  RankReport report;
  report.stream = &stream == &state_->train ? "train" : "heldout";
  report.step = step;
  try {
    settle();
    INFOPLANE_CHECK(stream.empty() || stream.step() == step, StateError, "the last observation was of step ",
                    stream.step(), ": give observe() and end_step() the same step");
    verify_missing(stream);
    const double value = loss();
    report.loss = is_none(value) ? std::nullopt : std::optional(value);
  } catch (const std::exception& error) {
    report.error = error.what();
  }
  report.dropped = stream.dropped().text();
  report.ended_early = stream.ended_early();
  report.settings = settings_for_others(stream);
  std::optional<plane::Point> point;
  try {
    const auto meeting = ranks_.meet(report);
    point = measure_together(stream, step, meeting);
  } catch (...) {
    state_->drop(Dropped::Cause::kFailed);
    throw;
  }
  if (point) {
    emit(*point);
  }
  return point;
}

std::optional<plane::Point> Monitor::Impl::measure_together(Stream& stream, std::int64_t step,
                                                            const Ranks::Meeting& meeting) {
  const auto mine = stream.accumulators(watcher_->sites(), own_sites());
  const auto estimates = ranks_.estimates(mine);
  std::optional<plane::Point> point;
  std::string error;
  if (ranks_.rank() == 0) {
    try {
      std::int64_t tokens = 0;
      for (const auto& [name, estimate] : estimates) {
        tokens = std::max(tokens, estimate.tokens + estimate.rejected);
      }
      if (tokens > 0 || (meeting.ended_early && meeting.width > 0)) {
        point = stream.point(meeting.loss, meeting.sites, estimates, meeting.dropped);
        point->step = step;
        point->tokens = tokens;
        point->time = seconds_since(start_);
        if (!header_) {
          start(header_of(meeting.sites, meeting.width, meeting.dtype, meeting.label_sets));
        }
      }
    } catch (const std::exception& failure) {
      error = failure.what();
    }
  }
  point = ranks_.from_first(std::move(point), error);
  point ? stream.reset() : stream.drop(Dropped::Cause::kFailed);  // of what is without tokens
  return point;
}

std::vector<SharedSite> Monitor::Impl::own_sites() const {
  return shared_sites(watcher_->sites(), options_.first_block());
}

void Monitor::Impl::end_forgotten_heldout() {
  if (heldout_step_ >= 0) {
    end(state_->heldout, heldout_step_, true, [] { return no_loss; });
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
void Monitor::Impl::verify_missing(const Stream& stream) {
  if (!stream.misses_any(watcher_->sites()) && !stream.ended_early()) {
    return;
  }
  try {
    watcher_->verify_sources();
  } catch (...) {
    state_->drop(Dropped::Cause::kFailed);
    throw;
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
