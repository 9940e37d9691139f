#pragma once

#include <infoplane/monitor/monitor_options.hpp>

namespace infoplane {

/// The options. @throws ArgumentError if one of them is out of range, or a curve has no label sets.
MonitorOptions checked(MonitorOptions options);

}  // namespace infoplane
