#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>

#include <exception>
#include <infoplane/hooks/tap.hpp>
#include <optional>
#include <string_view>
#include <vector>

namespace infoplane::hooks {

/// A tensor of a trainer that does not use LibTorch: memory that it lends for the time of the call.
struct RawTensor {
  const void* data = nullptr;                              ///< first element
  std::vector<std::int64_t> sizes = {};                    ///< usually {batch, length, channels}
  std::vector<std::int64_t> strides = {};                  ///< in elements; empty: contiguous
  c10::ScalarType dtype = c10::ScalarType::Float;          ///< of the elements
  c10::Device device = c10::Device(c10::DeviceType::CPU);  ///< where the memory is
  /// On which the data was written and will be read; empty: LibTorch's current one.
  std::optional<c10::Stream> stream = std::nullopt;
};

namespace detail {
void fire_raw_tap(std::string_view name, const RawTensor& tensor);
/// Gives the exception to the open scopes of this thread, as if a capture had thrown it.
void keep_exception(const std::exception_ptr& exception) noexcept;
}  // namespace detail

/// `tap` for memory that is no LibTorch tensor. `describe` returns a `RawTensor` and is called only if an observed
/// scope is open on this thread, so outside a scope it costs one branch. Never throws: what `describe` throws, or a
/// ShapeError if the data is null, the numbers of sizes and strides differ, one is negative, or the stream is of
/// another device, ends up where the exceptions of captures do (`Scope::finish`, `Monitor::end_step`).
template <typename Describe>
void tap_raw(std::string_view name, Describe&& describe) noexcept {
  if (detail::listeners != 0) [[unlikely]] {
    try {
      detail::fire_raw_tap(name, describe());
    } catch (...) {
      detail::keep_exception(std::current_exception());
    }
  }
}

}  // namespace infoplane::hooks

namespace infoplane {
using hooks::RawTensor;
using hooks::tap_raw;
}  // namespace infoplane
