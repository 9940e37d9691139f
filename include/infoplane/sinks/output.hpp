#pragma once

#include <iosfwd>

namespace infoplane::sinks {

/// A borrowed stream, as an option's type.
using Output = std::ostream*;

}  // namespace infoplane::sinks
