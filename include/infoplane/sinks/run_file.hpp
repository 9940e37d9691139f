#pragma once

#include <infoplane/plane/point.hpp>
#include <infoplane/sinks/run_header.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace infoplane::sinks {

/// A run as its file tells it.
struct RunFile {
  RunHeader header;                ///< of the first start
  std::vector<RunHeader> resumed;  ///< one for each later start that appended
  std::vector<plane::Point> points;
  bool cut = false;  ///< the last line was not whole and was left out

  /// The points of one stream, in their order.
  std::vector<plane::Point> stream(std::string_view name) const;
};

/// Reads what JsonLinesSink writes.
///
/// A last line that a crash cut off is left out. A resumed run goes back to its last checkpoint: behind its header, a
/// point replaces those of the same stream at its own and at later steps. Fields that this version does not know are
/// passed over.
/// @throws IoError with file and line if the file cannot be read, does not start with a whole header, was written by a
/// newer schema, holds a broken line that isn't the last, or was resumed with other anchors.
RunFile read_run_file(const std::string& path);

}  // namespace infoplane::sinks

namespace infoplane {
using sinks::read_run_file;
using sinks::RunFile;
}  // namespace infoplane
