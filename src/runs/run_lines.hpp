#pragma once

#include <string>

#include "core/lines.hpp"

namespace infoplane::runs {

/// Calls `take(line, number)` for each whole line of a run file that is not blank, and returns whether the last one was
/// cut. Goes through the file once, so that a pipe will do.
/// @throws IoError if the file cannot be read, or has a line of more than kMostLine bytes.
bool for_each_line(const std::string& path, const Lines::Take& take);

/// "cannot read the run file …: …", with what the operating system or, for what cannot hold a run, this library says.
/// @throws IoError always.
[[noreturn]] void fail_to_read(const std::string& path, int error);

}  // namespace infoplane::runs
