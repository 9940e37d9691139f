#include <algorithm>
#include <infoplane/plane/point.hpp>

namespace infoplane::plane {

const LayerPoint* Point::layer(std::string_view name) const noexcept {
  const auto found =
      std::find_if(layers.begin(), layers.end(), [&](const LayerPoint& each) { return each.name == name; });
  return found == layers.end() ? nullptr : &*found;
}

}  // namespace infoplane::plane
