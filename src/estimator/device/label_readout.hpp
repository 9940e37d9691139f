#pragma once

#include <cstdint>
#include <vector>

#include "estimator/device/device.hpp"

namespace infoplane::estimator {

/// What a point needs of a label set whose sums are on a device, in pinned memory once its copy has come.
struct LabelReadout {
  cuda::Memory pinned;
  std::int64_t sums_at = 0;
  std::int64_t rows_at = 0;
  std::vector<std::uint32_t> index_of_row;  // among the gathered rows, by row of sums

  const cuda::LabelEntropies& label(std::uint32_t slot) const noexcept {
    return pinned.as<cuda::LabelEntropies>()[slot];
  }
  /// Over all tokens with a label of the set, [m].
  const double* sums() const noexcept { return pinned.as<double>(sums_at); }
  /// Of a row whose label is in the sample of tokens, [m].
  const float* row(std::uint32_t number, std::int64_t anchors) const noexcept {
    return pinned.as<float>(rows_at) + index_of_row[number] * anchors;
  }
};

}  // namespace infoplane::estimator
