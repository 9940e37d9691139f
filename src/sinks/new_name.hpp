#pragma once

#include <infoplane/runs/open_mode.hpp>
#include <string>

namespace infoplane::sinks {

/// The file that a sink opens: `path`, but with kNewName and something there, the first of run-2.jsonl, run-3.jsonl, …
/// that was free; it is then an empty file of this caller's. What cannot be created is left for opening to complain of.
std::string path_to_open(const std::string& path, runs::OpenMode mode);

/// The n-th name of a file, from 2: "a.b/run.jsonl" is followed by "a.b/run-2.jsonl".
std::string numbered_name(const std::string& path, int n);

}  // namespace infoplane::sinks
