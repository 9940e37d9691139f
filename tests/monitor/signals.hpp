#pragma once

#include <ATen/ATen.h>

#include <cstdint>

namespace infoplane::test {

/// float [B, length, width]: a direction of each class, and noise of that size.
inline at::Tensor signal_of(const at::Tensor& classes, std::int64_t length, double noise, std::int64_t width = 8) {
  const auto rows = classes.numel();
  const auto direction = (classes.view({rows, 1, 1}).to(at::kDouble) * 2.3 + at::arange(width)).cos();
  const auto rest = (at::arange(rows * length * width, at::kDouble) * 1.37).sin().mul(43758.5).frac().sub(0.5);
  return direction.add(rest.view({rows, length, width}), 2 * noise).to(at::kFloat).contiguous();
}

}  // namespace infoplane::test
