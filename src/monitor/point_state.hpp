#pragma once

#include <infoplane/plane/point.hpp>
#include <string>
#include <string_view>

namespace infoplane {

/// A point with all its bits, for ranks that take over that of another.
std::string bytes_of(const plane::Point& point);
/// @throws IoError if these are not the bytes of a point.
plane::Point point_of(std::string_view bytes);

/// Metrics with all their bits.
std::string bytes_of(const plane::Metrics& metrics);
plane::Metrics metrics_of(std::string_view bytes);

}  // namespace infoplane
