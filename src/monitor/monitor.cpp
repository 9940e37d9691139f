#include <ATen/core/Tensor.h>
#include <torch/version.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/core/version.hpp>
#include <infoplane/hooks/watch.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <utility>

#include "core/state.hpp"
#include "monitor/observation_impl.hpp"
#include "monitor/ranks.hpp"
#include "monitor/shared_sites.hpp"
#include "monitor/stream.hpp"
#include "monitor/token_views.hpp"

namespace infoplane {

namespace {

using Clock = std::chrono::steady_clock;
/// A NaN of its own, so that a loss that is NaN is one that was given.
const double kNoLoss = std::bit_cast<double>(0x7ff8696e666f706cULL);

bool is_none(double loss) { return std::bit_cast<std::uint64_t>(loss) == std::bit_cast<std::uint64_t>(kNoLoss); }

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
  INFOPLANE_CHECK(options.first_block() >= 0, ArgumentError, "MonitorOptions::first_block must be at least 0, got ",
                  options.first_block());
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

/// Ranks draw their samples apart from one another; those of a sequence group are one stream to a label.
MonitorOptions for_rank(MonitorOptions options, const Ranks& ranks) {
  if (!ranks.alone()) {
    auto estimator = options.estimator();
    options.estimator(estimator.stream(estimator.stream() + static_cast<std::uint64_t>(ranks.rank())));
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
  explicit Impl(MonitorOptions options, std::shared_ptr<distributed::Communicator> communicator, const Model&... model)
      : ranks_(std::move(communicator), options.sequence_group()),
        options_(for_rank(checked(std::move(options)), ranks_)),
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
    heldout_step_ = &stream == &state_->heldout ? -1 : heldout_step_;
    if (!ranks_.alone()) {
      return end_together(stream, step, wanted, loss);
    }
    settle();
    if (!wanted || stream.empty()) {
      return std::nullopt;
    }
    INFOPLANE_CHECK(stream.step() == step, StateError, "step ", step, " ends, but the last observation was of step ",
                    stream.step(), ": give observe() and end_step() the same step");
    verify_missing(stream);
    const auto sites = shared_sites(watcher_.sites(), options_.first_block());
    const auto accumulators = stream.accumulators(watcher_.sites(), sites);
    for (const auto& [name, accumulator] : accumulators) {
      accumulator->prepare_estimate();
    }
    std::vector<estimator::NamedEstimate> estimates;
    for (const auto& [name, accumulator] : accumulators) {
      estimates.push_back({name, accumulator->estimate()});
    }
    auto point = stream.point(loss(), sites, estimates);
    stream.reset();
    point.time = seconds_since(start_);
    if (!header_) {
      start(header_of(sites, stream.prototype()->dimension(), stream.dtype(), stream.label_sets()));
    }
    emit(point);
    return point;
  }

  /// Over ranks an error is kept until the next point, where all ranks hear of it: so none waits for another.
  template <typename Loss>
  std::optional<plane::Point> end_together(Stream& stream, std::int64_t step, bool wanted, const Loss& loss) {
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
    report.settings = settings_for_others(stream);
    std::optional<plane::Point> point;
    try {
      const auto meeting = ranks_.meet(report);
      point = measure_together(stream, step, meeting);
    } catch (...) {
      state_->train.reset();
      state_->heldout.reset();
      throw;
    }
    if (point) {
      emit(*point);
    }
    return point;
  }

  std::optional<plane::Point> measure_together(Stream& stream, std::int64_t step, const Ranks::Meeting& meeting) {
    const auto mine = stream.accumulators(watcher_.sites(), own_sites());
    const auto estimates = ranks_.estimates(mine);
    std::optional<plane::Point> point;
    std::string error;
    if (ranks_.rank() == 0) {
      try {
        std::int64_t tokens = 0;
        for (const auto& [name, estimate] : estimates) {
          tokens = std::max(tokens, estimate.tokens + estimate.rejected);
        }
        if (tokens > 0) {
          point = stream.point(meeting.loss, meeting.sites, estimates);
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
    stream.reset();
    return ranks_.from_first(std::move(point), error);
  }

  std::vector<SharedSite> own_sites() const { return shared_sites(watcher_.sites(), options_.first_block()); }

  RankSettings settings_for_others(const Stream& stream) const {
    const auto& estimator = options_.estimator();
    const auto& labels = options_.labels();
    RankSettings result;
    result.fields = {
        {"library version", version()},
        {"every", std::to_string(options_.every())},
        {"window", std::to_string(options_.window())},
        {"input orders", detail::join(labels.input_orders())},
        {"output orders", detail::join(labels.output_orders())},
        {"common positions", labels.common_positions() ? "yes" : "no"},
        {"m", std::to_string(estimator.anchors())},
        {"seed", std::to_string(estimator.seed())},
        {"seed rule", estimator.raw_seed() ? "raw" : "mixed"},
        {"calibration", estimator.calibration().name()},
        {"label weights", estimator.label_weights() == estimator::LabelWeights::kUniform ? "uniform" : "empirical"},
        {"max_labels", std::to_string(estimator.max_labels())}};
    result.sites = own_sites();
    result.may_differ_in_sites = options_.pipeline();
    result.width = stream.prototype() == nullptr ? 0 : stream.prototype()->dimension();
    result.dtype = stream.dtype();
    result.label_sets = stream.label_sets();
    return result;
  }

  /// A held-out pass that nobody ended goes to the sinks before the step's own point.
  void end_forgotten_heldout() {
    if (heldout_step_ >= 0) {
      end(state_->heldout, heldout_step_, true, [] { return kNoLoss; });
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
    heldout_step_ = state_->heldout.step();
  }

  Ranks ranks_;
  MonitorOptions options_;
  hooks::Watcher watcher_;
  std::shared_ptr<MonitorState> state_;
  std::vector<std::shared_ptr<sinks::Sink>> sinks_;
  std::int64_t heldout_step_ = -1;  // of the held-out pass that was not ended yet

 private:
  void close() {
    if (auto open = open_.lock()) {
      open->finish();
    }
  }

  /// Closes what is open and throws what went wrong inside; the statistics of a broken window are dropped.
  void settle() {
    const bool observed = !state_->train.empty() || !state_->heldout.empty();
    close();
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

  /// Of several ranks only the first one writes.
  void start(sinks::RunHeader header) {
    header_ = std::move(header);
    for (const auto& sink : sinks_) {
      sink->write(*header_);
    }
  }

  void emit(const plane::Point& point) {
    for (const auto& sink : sinks_) {
      if (ranks_.rank() == 0) {
        sink->write(point);
      }
    }
  }

  sinks::RunHeader header_of(const std::vector<SharedSite>& sites, std::int64_t width, const std::string& dtype,
                             const std::vector<std::string>& label_sets) const {
    sinks::RunHeader header;
    const estimator::SoftEntropyAccumulator measured(width, options_.estimator());
    header.run = options_.run();
    header.started = sinks::utc_timestamp(wall_start_);
    header.seed = options_.estimator().seed();
    header.anchors = options_.estimator().anchors();
    header.width = measured.dimension();
    header.temperature = measured.temperature();
    header.calibration = options_.estimator().calibration().name();
    header.anchor_hash = measured.anchors().identity();
    header.label_sets = label_sets;
    for (const auto& site : sites) {
      header.sites.push_back(site.name);
    }
    header.dtype = dtype;
    header.world_size = ranks_.size();
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

Monitor::Monitor(const torch::nn::Module& model, MonitorOptions options,
                 std::shared_ptr<distributed::Communicator> communicator)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(communicator), model)) {}
Monitor::Monitor(MonitorOptions options, std::shared_ptr<distributed::Communicator> communicator)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(communicator))) {}
Monitor::Monitor(Monitor&&) noexcept = default;
Monitor& Monitor::operator=(Monitor&&) noexcept = default;
Monitor::~Monitor() = default;

void Monitor::add(std::shared_ptr<sinks::Sink> sink) {
  INFOPLANE_CHECK(sink != nullptr, ArgumentError, "add_sink() got a null pointer");
  impl_->add(std::move(sink));
}

Observation Monitor::observe(std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets,
                             const BatchDetails& details) {
  if (!impl_->observes(step) || !impl_->options_.counts()) [[likely]] {
    return {};
  }
  return impl_->observe(impl_->state_->train, step, tokens, targets, details);
}

Observation Monitor::observe_heldout(std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets,
                                     const BatchDetails& details) {
  if (impl_->heldout_step_ != step) {
    impl_->end_forgotten_heldout();
  }
  impl_->heldout_step_ = step;
  if (!impl_->options_.counts()) {
    return {};
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
int Monitor::rank() const noexcept { return impl_->ranks_.rank(); }
int Monitor::world_size() const noexcept { return impl_->ranks_.size(); }
plane::Metrics Monitor::mean_over_ranks(const plane::Metrics& mine) { return impl_->ranks_.mean(mine); }
bool Monitor::logs(std::int64_t step) const noexcept { return impl_->logs(step); }
const std::vector<hooks::Site>& Monitor::sites() const noexcept { return impl_->watcher_.sites(); }
std::string Monitor::describe() const { return impl_->watcher_.describe(); }
void Monitor::rescan() { impl_->rescan(); }
void Monitor::save(std::ostream& out) const { impl_->save(out); }
void Monitor::load(std::istream& in) { impl_->load(in); }
double Monitor::seconds() const noexcept { return impl_->state_->seconds; }
const MonitorOptions& Monitor::options() const noexcept { return impl_->options_; }

}  // namespace infoplane
