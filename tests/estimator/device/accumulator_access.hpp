#pragma once

#include "estimator/accumulator_impl.hpp"
#include "estimator/device/device_context.hpp"

namespace infoplane::estimator {

/// What tests look at inside an accumulator.
struct AccumulatorAccess {
  static kernels::DeviceContexts& devices(const SoftEntropyAccumulator& accumulator) {
    return accumulator.impl_->panels->on_devices();
  }
  static const OnDevice* on_device(const SoftEntropyAccumulator& accumulator) {
    return accumulator.impl_->device.get();
  }
};

}  // namespace infoplane::estimator
