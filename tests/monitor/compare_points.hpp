#pragma once

#include <infoplane/plane/point.hpp>
#include <string>
#include <vector>

namespace infoplane::test {

/// What of `got` isn't as in `expected`, the points of one process: counts differ, or plug-in values by more than 1e-6;
/// where `all`, other values too. Empty if nothing.
std::string compare_points(const std::vector<plane::Point>& got, const std::vector<plane::Point>& expected, bool all);

/// Whether all bits but those of times are equal.
bool same_points(const std::vector<plane::Point>& a, const std::vector<plane::Point>& b);

}  // namespace infoplane::test
