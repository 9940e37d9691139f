#pragma once

/// Version of the library, read by the build as well.
#define INFOPLANE_VERSION_MAJOR 0
#define INFOPLANE_VERSION_MINOR 1
#define INFOPLANE_VERSION_PATCH 0

namespace infoplane {

/// Version of the compiled library as "major.minor.patch".
const char* version() noexcept;

}  // namespace infoplane
