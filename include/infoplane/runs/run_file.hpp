#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/plane/point.hpp>
#include <infoplane/runs/run_header.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane::runs {

/// A run as its file tells it.
struct RunFile {
  RunHeader header;                  ///< of the first start
  std::vector<RunHeader> resumed;    ///< one for each later start that appended
  std::vector<plane::Point> points;  ///< all points, in the order of the file
  bool cut = false;                  ///< the last line was not whole and was left out

  /// The points of one split, in their order.
  std::vector<plane::Point> split(std::string_view name) const;
};

/// How much of a run is read.
struct RunFileOptions {
  /// Of each split at most so many points keep their layers, evenly chosen, the first and the last among them; the
  /// others have only their mean, and their layers are not validated. 0: all. A long run of many layers is read so in
  /// bounded memory: where the layers are so many that those of the chosen points would take more than some 400 MB,
  /// fewer points keep theirs, the first and the last of each split in any case. At least 4.
  INFOPLANE_ARG(std::int64_t, max_layer_points) = 0;
};

/// Reads what JsonLinesSink writes, once from its start to its end: a pipe will do. Takes time and memory that are
/// linear in the file; docs/run-file.md says what is refused as too large.
///
/// A last line that a crash cut off is left out. A resumed run goes back to its last checkpoint: behind its header, a
/// point replaces those of the same split at its own and at later steps. Fields that this version does not know are
/// passed over.
/// @throws IoError with file and line if the file cannot be read, does not start with a whole header, was written by a
/// newer schema, holds a broken line that isn't the last or one that is too large, or was resumed with other anchors.
/// @throws ArgumentError if max_layer_points is from 1 to 3, or negative.
RunFile read_run_file(const std::string& path, const RunFileOptions& options = {});

}  // namespace infoplane::runs

namespace infoplane {
using runs::read_run_file;
using runs::RunFile;
using runs::RunFileOptions;
}  // namespace infoplane
