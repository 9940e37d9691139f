#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace infoplane::estimator {

/// Makes room for `size` values, in steps of a 64th instead of twofold: there can be millions of labels.
template <typename T>
void grow_to(std::vector<T>& values, std::size_t size) {
  if (values.capacity() < size) {
    values.reserve(size + size / 64 + 256);
  }
}

template <typename T>
std::int64_t capacity_bytes(const std::vector<T>& values) noexcept {
  return static_cast<std::int64_t>(values.capacity() * sizeof(T));
}

}  // namespace infoplane::estimator
