#pragma once

#include <ATen/core/Tensor.h>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstring>
#include <infoplane/plane/point.hpp>

namespace infoplane::test {

/// Tokens of a made-up text, [rows, length], another for each `number`.
inline at::Tensor text(std::int64_t rows, std::int64_t length, std::int64_t number = 0) {
  return (at::arange(rows * length) * (7 + number) + at::arange(rows * length).div(3, "floor"))
      .remainder(11)
      .view({rows, length});
}

inline void require_same_bits(const plane::Metrics& got, const plane::Metrics& expected) {
  REQUIRE(got.size() == expected.size());
  for (const auto& [key, value] : expected) {
    INFO(key << ": " << got.at(key) << ", expected " << value);
    REQUIRE(std::memcmp(&got.at(key), &value, sizeof(double)) == 0);
  }
}

/// The points hold the same values to the last bit, of as many tokens in each layer.
inline void require_same_values(const plane::Point& got, const plane::Point& expected) {
  REQUIRE(got.tokens == expected.tokens);
  REQUIRE(got.layers.size() == expected.layers.size());
  for (std::size_t i = 0; i < expected.layers.size(); ++i) {
    INFO(expected.layers[i].name);
    REQUIRE(got.layers[i].name == expected.layers[i].name);
    REQUIRE(got.layers[i].tokens == expected.layers[i].tokens);
    require_same_bits(got.layers[i].metrics, expected.layers[i].metrics);
  }
  require_same_bits(got.mean, expected.mean);
}

/// NaN is NaN.
inline bool same_value(double got, double expected) {
  return got == expected || (std::isnan(got) && std::isnan(expected));
}
inline bool near(double got, double expected) {
  return same_value(got, expected) || std::abs(got - expected) <= 1e-6 * (1 + std::abs(expected));
}

inline void require_tokens(const plane::Point& point, std::int64_t tokens) {
  REQUIRE(point.tokens == tokens);
  for (const auto& layer : point.layers) {
    INFO(layer.name);
    REQUIRE(layer.tokens == tokens);
  }
}

}  // namespace infoplane::test
