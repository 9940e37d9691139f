#include "estimator/device/sum_memory.hpp"

#include <algorithm>

namespace infoplane::estimator::cuda {
namespace {

constexpr std::int64_t kFewest = 64;

/// Room for `count` units of `bytes`, with `fill` in all that is new.
void grow(Device& device, Memory& memory, std::int64_t count, std::int64_t bytes, std::uint8_t fill, void* stream) {
  const std::int64_t had = memory.bytes / bytes;
  if (count <= had) {
    return;
  }
  const std::int64_t wanted = std::max({count, had + had / 2, kFewest}) * bytes;
  Memory larger = device.allocate(wanted);
  larger.bytes = wanted;
  device.copy(larger.data, memory.data, had * bytes, stream);
  device.fill(larger.as<void>(had * bytes), fill, wanted - had * bytes, stream);
  device.keep_for(memory, stream);
  memory = std::move(larger);
}

}  // namespace

void SumMemory::reserve(Device& device, std::int64_t rows, std::int64_t more, void* stream) {
  grow(device, rows_, std::max<std::int64_t>(rows, 1), anchors_ * 4, 0, stream);
  grow(device, large_of_sum_, std::max<std::int64_t>(rows, 1), 4, 0xff, stream);
  grow(device, large_, next_ + more, anchors_ * 8, 0, stream);
  free_.reserve(static_cast<std::size_t>(next_ + more));
}

std::int32_t SumMemory::take_float64() noexcept {
  if (free_.empty()) {
    return next_++;
  }
  const std::int32_t whole = free_.back();
  free_.pop_back();
  return whole;
}

void SumMemory::keep_for(Device& device, void* stream) const {
  for (const Memory* const memory : {&rows_, &large_, &large_of_sum_}) {
    device.keep_for(*memory, stream);
  }
}

}  // namespace infoplane::estimator::cuda
