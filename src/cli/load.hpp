#pragma once

#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/sinks/report.hpp>
#include <iosfwd>
#include <string>
#include <vector>

namespace infoplane::cli {

/// Reads a run, and replays the stopping rule over its points.
/// @throws IoError with file and line.
sinks::ReportRun load_run(const std::string& path, const EarlyStoppingOptions& rule);

/// Reads runs with the layers of few points.
/// @throws IoError with file and line.
std::vector<sinks::RunFile> read_runs(const std::vector<std::string>& paths);

/// Names for a table: those of the runs where they differ, else the paths.
std::vector<std::string> run_names(const std::vector<sinks::RunFile>& runs, const std::vector<std::string>& paths);

/// Writes the text to a file, whole or not at all, or to the stream for "-".
/// @throws IoError
void write_text(const std::string& path, const std::string& text, std::ostream& out);

}  // namespace infoplane::cli
