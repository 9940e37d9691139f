#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace infoplane::cli {

/// Benchmark scores of runs.
struct ScoreTable {
  /// What a table says of a run.
  struct Row {
    std::size_t line = 0;                  ///< where it names the run
    std::map<std::string, double> scores;  ///< by name; NaN or missing: a score that is not there
  };

  std::string path;
  std::vector<std::string> scores;  ///< names of the columns, as they first appear
  std::map<std::string, Row> runs;
};

/// Reads CSV, whose first column names the run, or JSON: {"run": 0.5}, {"run": {"score": 0.5}}, or an array of objects
/// with a field "run". An empty cell, "NaN", "NA" or null is a score that is not there. A byte-order mark of UTF-8 is
/// passed over, and so are CSV lines without any cell.
/// @throws IoError with file and line: for what is no such table, a run or a score that is named twice (with both
/// lines), and scores that are no finite numbers.
ScoreTable read_scores(const std::string& path);

/// The table's row of each run: that named by the run's path, its file's name with or without its ending, or the run's
/// own name.
/// @throws IoError if a run has no row or two, or a row would be that of two runs.
std::vector<const ScoreTable::Row*> rows_of(const ScoreTable& table, const std::vector<std::string>& paths,
                                            const std::vector<std::string>& names);

}  // namespace infoplane::cli
