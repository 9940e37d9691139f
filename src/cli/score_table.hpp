#pragma once

#include <map>
#include <string>
#include <vector>

namespace infoplane::cli {

/// Benchmark scores of runs.
struct ScoreTable {
  std::vector<std::string> scores;                            ///< names of the columns, as they first appear
  std::map<std::string, std::map<std::string, double>> runs;  ///< run → score → value
};

/// Reads CSV, whose first column names the run, or JSON: {"run": 0.5}, {"run": {"score": 0.5}}, or an array of objects
/// with a field "run". An empty cell, "nan" or null is a score that is not there.
/// @throws IoError with file and line (CSV) or place (JSON).
ScoreTable read_scores(const std::string& path);

}  // namespace infoplane::cli
