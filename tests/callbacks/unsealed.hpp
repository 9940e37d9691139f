#pragma once

#include <regex>
#include <string>

namespace infoplane::test {

/// A saved state of EarlyStopping as version 1 had it, without a checksum, so that its parts can be changed.
inline std::string unsealed(const std::string& state) {
  const auto open = std::regex_replace(state, std::regex("\"checksum\":\"[0-9a-f]{16}\","), "");
  return std::regex_replace(open, std::regex("\"version\":2"), "\"version\":1");
}

}  // namespace infoplane::test
