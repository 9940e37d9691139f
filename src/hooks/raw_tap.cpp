#include <ATen/ops/from_blob.h>
#include <c10/core/StreamGuard.h>

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/raw_tap.hpp>

namespace infoplane::hooks::detail {

void fire_raw_tap(std::string_view name, const RawTensor& tensor) {
  const auto negative = [](std::int64_t value) { return value < 0; };
  INFOPLANE_CHECK(tensor.data != nullptr, ShapeError, "tap_raw(\"", name, "\"): the data is a null pointer");
  INFOPLANE_CHECK(tensor.strides.empty() || tensor.strides.size() == tensor.sizes.size(), ShapeError, "tap_raw(\"",
                  name, "\"): ", tensor.sizes.size(), " sizes but ", tensor.strides.size(),
                  " strides: give one stride for each size, or none for contiguous data");
  INFOPLANE_CHECK(std::none_of(tensor.sizes.begin(), tensor.sizes.end(), negative) &&
                      std::none_of(tensor.strides.begin(), tensor.strides.end(), negative),
                  ShapeError, "tap_raw(\"", name, "\"): negative size or stride in sizes [",
                  infoplane::detail::join(tensor.sizes), "], strides [", infoplane::detail::join(tensor.strides), "]");
  INFOPLANE_CHECK(!tensor.stream || tensor.stream->device_type() == tensor.device.type(), ShapeError, "tap_raw(\"",
                  name, "\"): the data is on ", tensor.device, ", but its stream on ", tensor.stream->device(),
                  ": give the stream that wrote the data");
  const c10::OptionalStreamGuard guard(tensor.stream);
  const auto options = c10::TensorOptions().dtype(tensor.dtype).device(tensor.device);
  auto* data = const_cast<void*>(tensor.data);  // from_blob takes no const; captures only read
  const auto view = tensor.strides.empty() ? at::from_blob(data, tensor.sizes, options)
                                           : at::from_blob(data, tensor.sizes, tensor.strides, options);
  fire_tap(name, view);
}

}  // namespace infoplane::hooks::detail
