#pragma once

#include <infoplane/plane/point.hpp>
#include <limits>
#include <string>
#include <utility>

namespace infoplane::test {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInf = std::numeric_limits<double>::infinity();

inline plane::Point point(std::int64_t step, plane::Metrics mean, std::string split = "heldout") {
  plane::Point made;
  made.step = step;
  made.split = std::move(split);
  made.mean = std::move(mean);
  return made;
}

}  // namespace infoplane::test
