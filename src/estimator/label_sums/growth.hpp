#pragma once

#include <cstddef>
#include <vector>

namespace infoplane::estimator {

/// Makes room for `size` values, in steps of a 64th instead of twofold: there can be millions of labels.
template <typename T>
void grow_to(std::vector<T>& values, std::size_t size) {
  if (values.capacity() < size) {
    values.reserve(size + size / 64 + 256);
  }
}

}  // namespace infoplane::estimator
