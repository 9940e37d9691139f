#pragma once

#include <infoplane/hooks/watch.hpp>
#include <infoplane/monitor/monitor_options.hpp>

namespace infoplane {

/// The options. @throws ArgumentError if one of them is out of range, or a curve has no label sets.
MonitorOptions checked(MonitorOptions options);

/// What the monitor's watcher is to look for.
hooks::WatchOptions watch_options(const MonitorOptions& options);

/// @throws SiteError if a pattern of `options.sites()` matches nothing in the model, as far as that is known.
void require_matches(const MonitorOptions& options, const hooks::Watcher& watcher);

}  // namespace infoplane
