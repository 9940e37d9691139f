#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace infoplane::runs {

/// Something in a run file that should not be there.
struct RunFinding {
  std::int64_t line = 0;  ///< where it is, from 1
  bool error = false;     ///< read_run_file throws, or values of the run cannot be trusted; else it is worth knowing
  std::string text;       ///< what is wrong
};

/// Reads a run file to its end and lists all that is wrong, in the order of its lines: lines that are no points, points
/// out of order, a header with other anchors, efficiencies outside [0, 1], ratios that are not those of their parts,
/// layers that are not the header's, a cut last line. Of more than 100 000 findings the last one tells how many more
/// there are.
/// @throws IoError if the file cannot be read, or has a line that is longer than is read.
std::vector<RunFinding> check_run_file(const std::string& path);

}  // namespace infoplane::runs
