#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <infoplane/hooks/watch.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "monitor/checked_options.hpp"
#include "monitor/observation_impl.hpp"
#include "monitor/ranks.hpp"
#include "monitor/split.hpp"

namespace infoplane {

/// What a capture needs, kept alive by an open observation even if the monitor goes first.
struct MonitorState {
  explicit MonitorState(const MonitorOptions& options)
      : facts(options), train("train", options, facts), heldout("heldout", options, facts) {}
  MonitorState(const MonitorState&) = delete;
  MonitorState& operator=(const MonitorState&) = delete;

  void drop(Dropped::Cause cause) {
    train.drop(cause);
    heldout.drop(cause);
  }
  /// The observation of a micro-batch of the split ended.
  void end_micro_batch(Split& split, Observation::Impl::End end, const std::vector<hooks::Site>& sites);

  ModelFacts facts;
  Split train;
  Split heldout;
  bool saw_forward = false;  // of which nobody said that it failed
  double seconds = 0;
  int stopwatches = 0;  // that run
};

class Monitor::Impl {
 public:
  /// Reads the loss, where a point may come; empty if there is none.
  using Loss = std::function<std::optional<double>()>;

  template <typename... Model>
  explicit Impl(MonitorOptions options, std::shared_ptr<distributed::Communicator> communicator, const Model&... model)
      : ranks_(std::move(communicator), options.sequence_group()),
        options_(for_rank(checked(std::move(options)))),
        has_model_(sizeof...(Model) > 0),
        watcher_(std::make_shared<hooks::Watcher>(model..., watch_options(options_))),
        state_(std::make_shared<MonitorState>(options_)) {
    require_matches(options_, *watcher_);
  }

  bool logs(std::int64_t step) const noexcept { return step % options_.every() == 0; }
  bool observes(std::int64_t step) const noexcept {
    const auto behind = step % options_.every();
    return behind == 0 || options_.every() - behind < state_->facts.window;
  }

  Observation observe(Split& split, std::int64_t step, const at::Tensor& tokens, const at::Tensor& targets,
                      const BatchDetails& details);
  /// Without tokens.
  Observation observe(Split& split, std::int64_t step, const BatchDetails& details);
  /// Ends the step of a split; where a point is `wanted`, all ranks meet.
  std::optional<plane::Point> end(Split& split, std::int64_t step, bool wanted, const Loss& loss, LossKind kind);
  /// A held-out pass that nobody ended goes to the sinks before the step's own point.
  void end_forgotten_heldout();
  void add(std::shared_ptr<sinks::Sink> sink);
  void rescan();
  void save(std::ostream& out) const;
  void load(std::istream& in);

  Ranks ranks_;
  MonitorOptions options_;
  bool has_model_;                           // or taps only
  std::shared_ptr<hooks::Watcher> watcher_;  // an open observation asks it for the sites
  std::shared_ptr<MonitorState> state_;
  std::int64_t heldout_step_ = -1;  // of the held-out pass that was not ended yet

 private:
  using Clock = std::chrono::steady_clock;
  class Stopwatch;

  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }
  MonitorOptions for_rank(MonitorOptions options) const;
  bool is_open() const noexcept { return !open_.expired() && open_.lock()->is_open(); }
  Observation open(Split& split, std::int64_t step, std::vector<Split::Row> rows, const at::Tensor& followed);
  std::vector<Split::Row> rows_of(const BatchDetails& details) const;
  void require_none_open() const;
  void require_closed(const char* call) const;
  void close();
  void settle();
  void verify_missing(const Split& split);
  RankReport own_report(Split& split, std::int64_t step, const Loss& loss, std::exception_ptr& error);
  plane::Point measure(Split& split, std::int64_t step, const Ranks::Meeting& meeting,
                       std::vector<estimator::NamedEstimate>& estimates);
  std::vector<SharedSite> own_sites() const;
  RankSettings settings_for_others(const Split& split) const;
  runs::MeasurementSettings settings_for_state() const;
  runs::RunHeader header_of(const Ranks::Meeting& meeting) const;
  void start(runs::RunHeader header);
  void emit(const plane::Point& point);
  std::int64_t window_after(const Split& split, const plane::Point& point) const;
  void look_at_window(const Split& split, plane::Point& point);

  std::vector<std::shared_ptr<sinks::Sink>> sinks_;
  std::shared_ptr<PendingError> pending_ = std::make_shared<PendingError>();
  std::weak_ptr<Observation::Impl> open_;
  std::optional<runs::RunHeader> header_;
  Clock::time_point start_ = Clock::now();
  std::chrono::system_clock::time_point wall_start_ = std::chrono::system_clock::now();
  bool verified_ = false;
  bool window_seen_ = false;   // whether its first point said how much it holds
  bool heldout_seen_ = false;  // the same of the held-out split
};

}  // namespace infoplane
