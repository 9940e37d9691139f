#include <infoplane/core/version.hpp>

#define INFOPLANE_STRING_(x) #x
#define INFOPLANE_STRING(x) INFOPLANE_STRING_(x)

namespace infoplane {

const char* version() noexcept {
  return INFOPLANE_STRING(INFOPLANE_VERSION_MAJOR) "." INFOPLANE_STRING(INFOPLANE_VERSION_MINOR) "." INFOPLANE_STRING(
      INFOPLANE_VERSION_PATCH);
}

}  // namespace infoplane
