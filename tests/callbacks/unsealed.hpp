#pragma once

#include <string>

namespace infoplane::test {

/// A saved state of EarlyStopping as version 1 had it, without a checksum, so that its parts can be changed.
inline std::string unsealed(std::string state) {
  const std::string seal = "\"checksum\":\"0123456789abcdef\",", version = "\"version\":2";
  state.erase(state.find("\"checksum\":\""), seal.size());
  state.replace(state.rfind(version), version.size(), "\"version\":1");
  return state;
}

}  // namespace infoplane::test
