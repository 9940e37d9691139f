#pragma once

#include <cstdint>
#include <vector>

#include "estimator/device/device.hpp"

namespace infoplane::estimator::cuda {

/// Memory for the sums of one label set on a device: it grows, by half of itself, and keeps what it holds.
class SumMemory {
 public:
  explicit SumMemory(std::int64_t anchors) : anchors_(anchors) {}

  LabelSums view() const noexcept { return {rows_.as<float>(), large_.as<double>(), large_of_sum_.as<std::int32_t>()}; }

  /// Room for `rows` float32 sums, and for `more` float64 sums beside those that are taken; new ones are zero.
  void reserve(Device& device, std::int64_t rows, std::int64_t more, void* stream);

  /// A float64 sum that is zero, for which there must be room.
  std::int32_t take_float64() noexcept;
  /// Takes it back, once it was queued to be cleared.
  void give_back(std::int32_t whole) noexcept { free_.push_back(whole); }  // there is room
  /// Float64 sums that were ever taken, with that of the labels that are not kept.
  std::int64_t float64_sums() const noexcept { return next_; }

  void keep_for(Device& device, void* stream) const;
  std::int64_t memory_bytes() const noexcept { return rows_.bytes + large_.bytes + large_of_sum_.bytes; }

 private:
  std::int64_t anchors_;
  Memory rows_;
  Memory large_;
  Memory large_of_sum_;
  std::int32_t next_ = 1;  // 0: of the labels that are not kept
  std::vector<std::int32_t> free_;
};

}  // namespace infoplane::estimator::cuda
