#pragma once

#include <cstdint>

namespace infoplane::runs {

/// What a sink does with a file that is there already.
enum class OpenMode : std::uint8_t {
  kRefuse,     ///< an error unless it is empty: no run is lost by starting another
  kAppend,     ///< resume the run that it holds
  kOverwrite,  ///< replace it
  /// Leave it alone and write beside it: `run.jsonl`, or the first of `run-2.jsonl`, `run-3.jsonl`, … that is not
  /// there. Files are created in one step with the question whether they are there, so starts at the same time get a
  /// name each. A pipe or device holds nothing that could be lost, and is written itself.
  kNewName,
};

}  // namespace infoplane::runs

namespace infoplane {
using runs::OpenMode;
}  // namespace infoplane
