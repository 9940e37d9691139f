#pragma once

#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/sinks/report.hpp>
#include <string>
#include <vector>

namespace infoplane::cli {

/// Reads a run, and replays the stopping rule over its points.
/// @throws IoError with file and line.
sinks::ReportRun load_run(const std::string& path, const EarlyStoppingOptions& rule);

/// Writes the text to a file, whole or not at all, or to the stream for "-".
/// @throws IoError
void write_text(const std::string& path, const std::string& text, std::ostream& out);

}  // namespace infoplane::cli
