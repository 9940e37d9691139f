#include <infoplane/core/error.hpp>

#include "core/state.hpp"
#include "monitor/monitor_impl.hpp"

namespace infoplane {

namespace {

/// 2: what was dropped and why, which axis is which, and where a forward ends. 3: the window. 4: several
/// widths, and the centres.
constexpr std::uint32_t kMonitorVersion = 4;

}  // namespace

void Monitor::Impl::require_closed(const char* call) const {
  INFOPLANE_CHECK(!is_open(), StateError, call, " inside an observation: let the observation end first");
}

void Monitor::Impl::save(std::ostream& out) const {
  require_closed("save()");
  state::Writer content;
  content.put_text(text_of(settings_for_state()));
  content.put(seconds_since(start_));
  content.put(state_->seconds);
  state_->facts.orders.save(content);
  content.put_text(state_->facts.last_site);
  content.put(state_->facts.window);
  content.put(static_cast<std::uint8_t>(window_seen_ ? 1 : 0));
  content.put(static_cast<std::uint8_t>(heldout_seen_ ? 1 : 0));
  state_->train.save(content);
  state_->heldout.save(content);
  state_->train.centres().save(content);
  state_->heldout.centres().save(content);
  state::write(out, "monitor", kMonitorVersion, content.content());
}

void Monitor::Impl::load(std::istream& in) {
  require_closed("load()");
  const state::Content content = state::read(in, "monitor", kMonitorVersion);
  state::Reader reader(content.bytes);
  const std::string settings_then = reader.get_text();
  const std::string settings_now = text_of(settings_for_state());
  // Taps become sites as they come, so without a model none is known yet.
  const bool same = watcher_->sites().empty() ? settings_then.starts_with(settings_now) : settings_then == settings_now;
  INFOPLANE_CHECK(same, ArgumentError, "the state of a monitor with other settings: ", "here ", settings_now,
                  "; there ", settings_then);
  const auto elapsed = reader.get<double>();
  auto loaded = std::make_shared<MonitorState>(options_);
  loaded->seconds = reader.get<double>();
  state::Reader::require(elapsed >= 0 && elapsed < 1e9 && loaded->seconds >= 0, "its clock shows no time");
  if (content.version > 1) {
    loaded->facts.orders.load(reader);
    loaded->facts.last_site = reader.get_text();
  }
  bool window_seen = false, heldout_seen = false;
  if (content.version > 2) {
    loaded->facts.window = reader.get<std::int64_t>();
    window_seen = reader.get_flag();
    heldout_seen = reader.get_flag();
    const auto window = loaded->facts.window;
    state::Reader::require(
        options_.window() > 0 ? window == options_.window() : window >= 1 && window <= options_.every(),
        "its window has an impossible number of steps");
  }
  loaded->train.load(reader, content.version);
  loaded->heldout.load(reader, content.version);
  if (content.version > 3) {
    loaded->train.centres().load(reader);
    loaded->heldout.centres().load(reader);
  }
  reader.end();
  start_ = Clock::now() - std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(elapsed));
  state_ = std::move(loaded);
  window_seen_ = window_seen;
  heldout_seen_ = heldout_seen;
  heldout_step_ = state_->heldout.step();
}

}  // namespace infoplane
