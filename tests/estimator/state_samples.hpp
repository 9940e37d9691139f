#pragma once

#include <cstdint>
#include <infoplane/core/hash.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <sstream>
#include <string>

#include "core/state.hpp"

namespace infoplane::estimator {

inline std::string saved(const SoftEntropyAccumulator& accumulator) {
  std::ostringstream out;
  accumulator.save(out);
  return out.str();
}

inline void load(SoftEntropyAccumulator& accumulator, const std::string& bytes) {
  std::istringstream in(bytes);
  accumulator.load(in);
}

/// A saved state with a few bytes changed, taken out, doubled or cut off, the same for the same seed. Most are sealed
/// again, so that the hash does not give them away.
inline std::string mutated(const std::string& bytes, const std::string& kind, std::uint32_t version,
                           std::uint64_t seed) {
  const auto draw = [&seed](std::size_t below) {
    seed = splitmix64(seed);
    return static_cast<std::size_t>(seed % below);
  };
  const bool sealed = draw(8) != 0;
  std::string result = bytes;
  if (sealed) {
    std::istringstream in(bytes);
    result = state::read(in, kind, version).bytes;
  }
  for (std::size_t changes = 1 + draw(4); changes > 0 && !result.empty(); --changes) {
    const std::size_t at = draw(result.size());
    const std::size_t some = std::min(result.size() - at, 1 + draw(16));
    switch (draw(6)) {
      case 0:
        result[at] = static_cast<char>(result[at] ^ (1 << draw(8)));
        break;
      case 1:
        result[at] = static_cast<char>(draw(256));
        break;
      case 2:
        result.replace(at, some, some, draw(2) == 0 ? '\xff' : '\0');
        break;
      case 3:
        result.erase(at, some);
        break;
      case 4:
        result.insert(at, result.substr(at, some));
        break;
      default:
        result.resize(at);
        break;
    }
  }
  if (!sealed) {
    return result;
  }
  std::ostringstream out;
  state::write(out, kind, version, result);
  return out.str();
}

}  // namespace infoplane::estimator
