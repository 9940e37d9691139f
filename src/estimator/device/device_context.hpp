#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "estimator/device/device.hpp"

namespace infoplane::estimator::cuda {

/// A micro-batch's segments on a device.
struct DeviceSegments {
  LabelSegments segments{};
  std::int64_t partial_sums = 0;
  Memory memory;
};

/// A device and what all accumulators with the same anchors share on it: the layers of a model. Thread-safe.
class DeviceContext {
 public:
  explicit DeviceContext(std::shared_ptr<Device> device) : device_(std::move(device)) {}

  Device& device() const noexcept { return *device_; }

  /// W, float32 [m, d] on the host, in the order of the tensor cores; made at the first use. For work on `stream`.
  const void* anchors(const float* weight, std::int64_t m, std::int64_t d, ValueType type, void* stream);

  /// Segments of `rows`: the row of each position of the first set, then of the second, … (kNotKept, or otherwise below
  /// zero for none). Those of the last call are used again where the rows are the same: layers differ only where one
  /// rejected a row. For work on `stream`.
  DeviceSegments segments(std::vector<std::int32_t> rows, std::int64_t sets, void* stream);

 private:
  /// Made on one stream; others wait for that.
  struct Made {
    Memory memory;
    void* stream = nullptr;
    Event ready;
  };
  void use(const Made& made, void* stream);

  std::shared_ptr<Device> device_;
  std::mutex mutex_;
  std::map<bool, Made> anchors_;  // by whether they are in three parts
  std::vector<std::int32_t> rows_;
  std::int64_t sets_ = 0;
  Made made_segments_;
  DeviceSegments segments_;
};

}  // namespace infoplane::estimator::cuda
