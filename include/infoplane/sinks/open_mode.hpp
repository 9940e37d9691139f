#pragma once

#include <cstdint>

namespace infoplane::sinks {

/// What to do with a run file that is there already.
enum class OpenMode : std::uint8_t {
  kRefuse,     ///< an error unless it is empty: no run is lost by starting another
  kAppend,     ///< resume the run that it holds
  kOverwrite,  ///< replace it
};

}  // namespace infoplane::sinks
