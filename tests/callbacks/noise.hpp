#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace infoplane::test {

/// Normal noise that is the same on every platform.
class Noise {
 public:
  explicit Noise(std::uint64_t seed) : generator_(seed) {}

  double operator()() {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(6.283185307179586 * uniform());
  }

 private:
  double uniform() { return (static_cast<double>(generator_() >> 11U) + 0.5) / 9007199254740992.0; }

  std::mt19937_64 generator_;
};

}  // namespace infoplane::test
