#pragma once

#include <iosfwd>

namespace infoplane::sinks {

/// Erases the line that the cursor is in and goes to its start.
inline constexpr const char* kEraseLine = "\r\x1b[K";

/// Whether the stream is std::cout, std::cerr or std::clog and that is a terminal.
bool is_terminal(const std::ostream& output);

}  // namespace infoplane::sinks
