#include <ATen/core/Tensor.h>
#include <torch/version.h>

#include <chrono>
#include <infoplane/core/error.hpp>
#include <infoplane/core/version.hpp>
#include <infoplane/hooks/watch.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <limits>
#include <utility>

#include "monitor/observation_impl.hpp"
#include "monitor/stream.hpp"
#include "monitor/token_views.hpp"

namespace infoplane {

namespace {

using Clock = std::chrono::steady_clock;
constexpr double kNoLoss = std::numeric_limits<double>::quiet_NaN();

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Adds the time of its scope to a total.
class Stopwatch {
 public:
  explicit Stopwatch(double& total) : total_(total) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { total_ += seconds_since(start_); }

 private:
  double& total_;
  Clock::time_point start_ = Clock::now();
};

double value_of(const at::Tensor& loss) {
  if (!loss.defined()) {
    return kNoLoss;
  }
  INFOPLANE_CHECK(loss.numel() == 1, ShapeError, "the loss must be one number, got a tensor of ", loss.numel(),
                  " elements; give its mean");
  return loss.item().toDouble();
}

MonitorOptions checked(MonitorOptions options) {
  INFOPLANE_CHECK(options.every() >= 1, ArgumentError, "MonitorOptions::every must be at least 1, got ",
                  options.every());
  INFOPLANE_CHECK(options.window() >= 1 && options.window() <= options.every(), ArgumentError,
                  "MonitorOptions::window must be between 1 and every (", options.every(), "), got ", options.window());
  return options;
}

}  // namespace

/// What a capture needs, kept alive by an open observation even if the monitor goes first.
struct MonitorState {
  explicit MonitorState(const MonitorOptions& options) : train("train", options), heldout("heldout", options) {}

  Stream train;
  Stream heldout;
  double seconds = 0;
};

class Monitor::Impl {
 public:
  template <typename... Model>
  explicit Impl(MonitorOptions options, const Model&... model)
      : options_(checked(std::move(options))),
        watcher_(model..., hooks::WatchOptions().sites(options_.sites())),
        state_(std::make_shared<MonitorState>(options_)) {}

  bool logs(std::int64_t step) const noexcept { return step % options_.every() == 0; }

  bool observes(std::int64_t step) const noexcept {
    const auto behind = step % options_.every();
    return behind == 0 || options_.every() - behind < options_.window();
  }

  Observation observe(Stream& stream, std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets,
                      const BatchDetails& details) {
    const Stopwatch stopwatch(state_->seconds);
    INFOPLANE_CHECK(open_.expired() || !open_.lock()->is_open(), StateError,
                    "an observation is open already: let it end with its scope, or call its finish(), before the next");
    const HostBatch batch(tokens, targets, details, options_.time_major());
    auto scope = watcher_.observe([state = state_, &stream](const hooks::Site& site, const at::Tensor& tensor) {
      const Stopwatch inner(state->seconds);
      stream.capture(site, tensor);
    });
    stream.begin(step, batch);
    auto impl = std::make_shared<Observation::Impl>(std::move(scope), pending_);
    open_ = impl;
    return Observation(std::move(impl));
  }

  template <typename Loss>
  std::optional<plane::Point> end(Stream& stream, std::int64_t step, bool wanted, const Loss& loss) {
    const Stopwatch stopwatch(state_->seconds);
    settle();
    if (!wanted || stream.empty()) {
      return std::nullopt;
    }
    INFOPLANE_CHECK(stream.step() == step, StateError, "step ", step, " ends, but the last observation was of step ",
                    stream.step(), ": give observe() and end_step() the same step");
    verify_missing(stream);
    auto point = stream.take(step, loss(), watcher_.sites());
    point.time = seconds_since(start_);
    emit(stream, point);
    return point;
  }

  /// A held-out pass that nobody ended goes to the sinks before the step's own point.
  void end_forgotten_heldout() {
    if (!state_->heldout.empty()) {
      end(state_->heldout, state_->heldout.step(), true, [] { return kNoLoss; });
    }
  }

  void rescan() {
    INFOPLANE_CHECK(open_.expired() || !open_.lock()->is_open(), StateError,
                    "rescan() inside an observation: let the observation end first");
    watcher_.rescan();
    state_->train.reset();
    state_->heldout.reset();
    verified_ = false;
  }

  MonitorOptions options_;
  hooks::Watcher watcher_;
  std::shared_ptr<MonitorState> state_;
  std::vector<std::shared_ptr<sinks::Sink>> sinks_;

 private:
  /// Closes what is open and throws what went wrong inside; the statistics of a broken window are dropped.
  void settle() {
    const bool observed = !state_->train.empty() || !state_->heldout.empty();
    if (auto open = open_.lock()) {
      open->finish();
    }
    try {
      if (pending_->error) {
        std::rethrow_exception(std::exchange(pending_->error, nullptr));
      }
      if (observed && !verified_) {
        watcher_.verify();
        verified_ = true;
      }
    } catch (...) {
      state_->train.reset();
      state_->heldout.reset();
      throw;
    }
  }

  /// A layer that comes no longer is an error where its norm was replaced; a dropped layer is NaN in the point.
  void verify_missing(const Stream& stream) {
    if (!stream.misses_any(watcher_.sites())) {
      return;
    }
    try {
      watcher_.verify_sources();
    } catch (...) {
      state_->train.reset();
      state_->heldout.reset();
      throw;
    }
  }

  void emit(const Stream& stream, const plane::Point& point) {
    if (!header_) {
      header_ = header_of(stream);
      for (const auto& sink : sinks_) {
        sink->write(*header_);
      }
    }
    for (const auto& sink : sinks_) {
      sink->write(point);
    }
  }

  sinks::RunHeader header_of(const Stream& stream) const {
    sinks::RunHeader header;
    const auto& measured = *stream.prototype();
    header.run = options_.run();
    header.started = sinks::utc_timestamp(wall_start_);
    header.seed = options_.estimator().seed();
    header.anchors = options_.estimator().anchors();
    header.width = measured.dimension();
    header.temperature = measured.temperature();
    header.calibration = options_.estimator().calibration().name();
    header.anchor_hash = measured.anchors().identity();
    header.label_sets = stream.label_sets();
    for (const auto& site : watcher_.sites()) {
      header.sites.push_back(site.name);
    }
    header.dtype = stream.dtype();
    header.every = options_.every();
    header.window = options_.window();
    header.library_version = version();
    header.torch_version = TORCH_VERSION;
    header.config = options_.details();
    return header;
  }

  std::shared_ptr<PendingError> pending_ = std::make_shared<PendingError>();
  std::weak_ptr<Observation::Impl> open_;
  std::optional<sinks::RunHeader> header_;
  Clock::time_point start_ = Clock::now();
  std::chrono::system_clock::time_point wall_start_ = std::chrono::system_clock::now();
  bool verified_ = false;

 public:
  void add(std::shared_ptr<sinks::Sink> sink) {
    if (header_) {
      sink->write(*header_);
    }
    sinks_.push_back(std::move(sink));
  }
};

Monitor::Monitor(const torch::nn::Module& model, MonitorOptions options)
    : impl_(std::make_unique<Impl>(std::move(options), model)) {}
Monitor::Monitor(MonitorOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Monitor::Monitor(Monitor&&) noexcept = default;
Monitor& Monitor::operator=(Monitor&&) noexcept = default;
Monitor::~Monitor() = default;

void Monitor::add(std::shared_ptr<sinks::Sink> sink) {
  INFOPLANE_CHECK(sink != nullptr, ArgumentError, "add_sink() got a null pointer");
  impl_->add(std::move(sink));
}

Observation Monitor::observe(std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets,
                             const BatchDetails& details) {
  if (!impl_->observes(step)) [[likely]] {
    return {};
  }
  return impl_->observe(impl_->state_->train, step, tokens, targets, details);
}

Observation Monitor::observe_heldout(std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets,
                                     const BatchDetails& details) {
  if (impl_->state_->heldout.step() != step) {
    impl_->end_forgotten_heldout();
  }
  return impl_->observe(impl_->state_->heldout, step, tokens, targets, details);
}

std::optional<plane::Point> Monitor::end_step(std::int64_t step, const at::Tensor& loss) {
  if (!impl_->observes(step)) [[likely]] {
    return std::nullopt;
  }
  impl_->end_forgotten_heldout();
  return impl_->end(impl_->state_->train, step, impl_->logs(step), [&] { return value_of(loss); });
}

std::optional<plane::Point> Monitor::end_step(std::int64_t step, double loss) {
  if (!impl_->observes(step)) [[likely]] {
    return std::nullopt;
  }
  impl_->end_forgotten_heldout();
  return impl_->end(impl_->state_->train, step, impl_->logs(step), [&] { return loss; });
}

std::optional<plane::Point> Monitor::end_step(std::int64_t step) { return end_step(step, kNoLoss); }

std::optional<plane::Point> Monitor::end_heldout(std::int64_t step, const at::Tensor& loss) {
  return impl_->end(impl_->state_->heldout, step, true, [&] { return value_of(loss); });
}

std::optional<plane::Point> Monitor::end_heldout(std::int64_t step, double loss) {
  return impl_->end(impl_->state_->heldout, step, true, [&] { return loss; });
}

std::optional<plane::Point> Monitor::end_heldout(std::int64_t step) { return end_heldout(step, kNoLoss); }

bool Monitor::observes(std::int64_t step) const noexcept { return impl_->observes(step); }
bool Monitor::logs(std::int64_t step) const noexcept { return impl_->logs(step); }
const std::vector<hooks::Site>& Monitor::sites() const noexcept { return impl_->watcher_.sites(); }
std::string Monitor::describe() const { return impl_->watcher_.describe(); }
void Monitor::rescan() { impl_->rescan(); }
double Monitor::seconds() const noexcept { return impl_->state_->seconds; }
const MonitorOptions& Monitor::options() const noexcept { return impl_->options_; }

}  // namespace infoplane
