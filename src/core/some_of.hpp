#pragma once

#include <cstddef>
#include <infoplane/core/error.hpp>
#include <span>
#include <string>
#include <vector>

namespace infoplane {

/// The names for a message or a table, with ", " between them: so many at most, and how many more there are.
inline std::string some_of(const std::vector<std::string>& names, std::size_t most = 64) {
  if (names.size() <= most) {
    return detail::join(names);
  }
  return detail::concat(detail::join(std::span(names).first(most)), " and ", names.size() - most, " more");
}

}  // namespace infoplane
