#pragma once

#include <utility>

/// A sink whose output is open, as Monitor::add_sink leaves it.
template <typename SinkType, typename... Arguments>
SinkType opened(Arguments&&... arguments) {
  SinkType sink(std::forward<Arguments>(arguments)...);
  sink.open();
  return sink;
}
