#pragma once

#include <cstdint>
#include <infoplane/report/report.hpp>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace infoplane::cli {

/// The stopping rule that is replayed over a run: EarlyStopping::compression() where the run has what that looks at and
/// neither patience nor min_delta is set here; else the lack of improvement of the distance.
struct Rule {
  std::optional<std::int64_t> patience, start_from_step;
  std::optional<double> min_delta;
};

/// "FILE" or "ORDER=FILE", as the command line names a curve file; the order is unigram without one.
struct CurveFile {
  std::string order = "unigram";
  std::string path;
  explicit CurveFile(const std::string& argument);
};

/// Reads a run, replays the stopping rule over its points, and adds the gaps to the curves where the run has none.
/// @throws IoError with file and line.
report::ReportRun load_run(const std::string& path, const Rule& rule, const std::vector<CurveFile>& curves);

/// Reads runs with the layers of few points.
/// @throws IoError with file and line.
std::vector<runs::RunFile> read_runs(const std::vector<std::string>& paths);

/// Names for a table: those of the runs where they differ, else the paths.
std::vector<std::string> run_names(const std::vector<runs::RunFile>& runs, const std::vector<std::string>& paths);

/// Writes the text to a file, whole or not at all, or to the stream for "-".
/// @throws IoError
void write_text(const std::string& path, const std::string& text, std::ostream& out);

}  // namespace infoplane::cli
