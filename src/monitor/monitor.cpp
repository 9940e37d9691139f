#include <ATen/core/Tensor.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/core/version.hpp>
#include <infoplane/hooks/watch.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <limits>
#include <utility>

#include "core/state.hpp"
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

bool has_order(const std::vector<int>& orders, std::string (*name)(int), const std::string& wanted) {
  return std::any_of(orders.begin(), orders.end(), [&](int order) { return name(order) == wanted; });
}

MonitorOptions checked(MonitorOptions options) {
  INFOPLANE_CHECK(options.every() >= 1, ArgumentError, "MonitorOptions::every must be at least 1, got ",
                  options.every());
  INFOPLANE_CHECK(options.window() >= 1 && options.window() <= options.every(), ArgumentError,
                  "MonitorOptions::window must be between 1 and every (", options.every(), "), got ", options.window());
  const auto& labels = options.labels();
  for (const auto& [order, curve] : options.curves()) {
    INFOPLANE_CHECK(has_order(labels.input_orders(), labels::input_label_name, "input_" + order) &&
                        has_order(labels.output_orders(), labels::output_label_name, "output_" + order),
                    ArgumentError, "MonitorOptions::bound of the order \"", order,
                    "\": the gap to its curve needs the ", "label sets input_", order, " and output_", order,
                    ", but MonitorOptions::labels has input orders ", detail::join(labels.input_orders()),
                    " and output orders ", detail::join(labels.output_orders()));
  }
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

  void save(std::ostream& out) const {
    INFOPLANE_CHECK(open_.expired() || !open_.lock()->is_open(), StateError,
                    "save() inside an observation: let the observation end first");
    state::Writer content;
    content.put_text(settings());
    content.put(seconds_since(start_));
    content.put(state_->seconds);
    state_->train.save(content);
    state_->heldout.save(content);
    state::write(out, "monitor", 1, content.content());
  }

  void load(std::istream& in) {
    INFOPLANE_CHECK(open_.expired() || !open_.lock()->is_open(), StateError,
                    "load() inside an observation: let the observation end first");
    const state::Content content = state::read(in, "monitor", 1);
    state::Reader reader(content.bytes);
    const std::string settings_then = reader.get_text();
    INFOPLANE_CHECK(settings_then == settings(), ArgumentError, "the state of a monitor with other settings: ", "here ",
                    settings(), "; there ", settings_then);
    const auto elapsed = reader.get<double>();
    auto loaded = std::make_shared<MonitorState>(options_);
    loaded->seconds = reader.get<double>();
    state::Reader::require(elapsed >= 0 && elapsed < 1e9 && loaded->seconds >= 0, "its clock shows no time");
    loaded->train.load(reader);
    loaded->heldout.load(reader);
    reader.end();
    start_ = Clock::now() - std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(elapsed));
    state_ = std::move(loaded);
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

  /// What a saved state depends on, beside what the accumulators say themselves.
  std::string settings() const {
    std::vector<std::string> sites;
    for (const auto& site : watcher_.sites()) {
      sites.push_back(site.name);
    }
    const labels::LabelOptions& labels = options_.labels();
    return detail::concat("every ", options_.every(), ", window ", options_.window(), ", input orders ",
                          detail::join(labels.input_orders()), ", output orders ", detail::join(labels.output_orders()),
                          labels.common_positions() ? ", common positions" : "", ", sites ", detail::join(sites));
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
    const double scale = std::log(static_cast<double>(header.anchors));
    for (const auto& [order, curve] : options_.curves()) {
      auto& points = header.curves[order];
      for (const auto& point : curve.points()) {
        points.emplace_back(point.complexity / scale, point.expressivity / scale);
      }
    }
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
void Monitor::save(std::ostream& out) const { impl_->save(out); }
void Monitor::load(std::istream& in) { impl_->load(in); }
double Monitor::seconds() const noexcept { return impl_->state_->seconds; }
const MonitorOptions& Monitor::options() const noexcept { return impl_->options_; }

}  // namespace infoplane
