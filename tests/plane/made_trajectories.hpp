#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <infoplane/core/hash.hpp>
#include <infoplane/plane/trajectory.hpp>

namespace infoplane::test {

/// Standard normal, from a seed and a place.
inline double normal(std::uint64_t seed, std::uint64_t place) {
  const auto uniform = [&](std::uint64_t which) {
    return (static_cast<double>(splitmix64(splitmix64(seed) + 2 * place + which) >> 11U) + 0.5) * 0x1p-53;
  };
  return std::sqrt(-2 * std::log(uniform(0))) * std::cos(2 * 3.14159265358979323846 * uniform(1));
}

/// Points at steps 0, 10, 20, …; complexity f(i) with noise, expressivity half of it.
inline plane::Trajectory made(std::size_t points, const std::function<double(double)>& f, double noise = 0,
                              std::uint64_t seed = 1) {
  plane::Trajectory trajectory;
  for (std::size_t i = 0; i < points; ++i) {
    plane::Point point;
    point.step = static_cast<std::int64_t>(10 * i);
    point.tokens = 1000;
    point.split = "heldout";
    const double x = f(static_cast<double>(i));
    point.mean = {{"I(X;Z)/input_unigram", x + noise * normal(seed, 2 * i)},
                  {"I(Y;Z)/output_unigram", x / 2 + noise * normal(seed, 2 * i + 1)}};
    point.layers = {{"blocks.0", 1000, 0, point.mean}};
    trajectory.append(point);
  }
  return trajectory;
}

/// Up from 0.1 to 0.5 until `turn`, then down to 0.2 at `end`.
inline double tent(double i, double turn, double end) {
  return i < turn ? 0.1 + 0.4 * i / turn : 0.5 - 0.3 * (i - turn) / (end - turn);
}

}  // namespace infoplane::test
