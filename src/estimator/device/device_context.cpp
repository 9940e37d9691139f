#include "estimator/device/device_context.hpp"

#include <algorithm>
#include <cstring>
#include <span>

#include "estimator/device/segments.hpp"

namespace infoplane::estimator::cuda {

void DeviceContext::use(const Made& made, void* stream) {
  if (made.stream != stream) {
    device_->order(stream, made.ready);
    device_->keep_for(made.memory, stream);
  }
}

const void* DeviceContext::anchors(const float* weight, std::int64_t m, std::int64_t d, ValueType type, void* stream) {
  const std::lock_guard lock(mutex_);
  Made& made = anchors_[type == ValueType::kFloat32 || type == ValueType::kFloat64];
  if (made.memory.data == nullptr) {
    Upload upload;
    const std::int64_t at = upload.reserve<float>(m * d);
    upload.allocate(*device_);
    std::copy_n(weight, m * d, upload.host<float>(at));
    const Memory memory = device_->allocate(device_->kernels().anchor_bytes(type, m, d));
    upload.send(*device_, stream);
    device_->check(device_->kernels().prepare_anchors(upload.on_device<float>(at), m, d, type, memory.data, stream));
    made = {memory, stream, device_->record(stream)};
  }
  use(made, stream);
  return made.memory.data;
}

DeviceSegments DeviceContext::segments(std::vector<std::int32_t> rows, std::int64_t sets, void* stream) {
  const std::lock_guard lock(mutex_);
  if (made_segments_.memory.data == nullptr || sets != sets_ || rows != rows_) {
    const std::size_t positions = rows.size() / static_cast<std::size_t>(sets);
    std::vector<std::span<const std::int32_t>> views;
    for (std::size_t set = 0; set < static_cast<std::size_t>(sets); ++set) {
      views.push_back(std::span(rows).subspan(set * positions, positions));
    }
    const HostSegments host = make_segments(views);
    Upload upload;
    const std::int64_t order = upload.reserve<std::int32_t>(static_cast<std::int64_t>(host.order.size()));
    const std::int64_t pieces = upload.reserve<LabelPiece>(static_cast<std::int64_t>(host.pieces.size()));
    const std::int64_t long_labels = upload.reserve<LongLabel>(static_cast<std::int64_t>(host.long_labels.size()));
    upload.allocate(*device_);
    std::copy(host.order.begin(), host.order.end(), upload.host<std::int32_t>(order));
    std::copy(host.pieces.begin(), host.pieces.end(), upload.host<LabelPiece>(pieces));
    std::copy(host.long_labels.begin(), host.long_labels.end(), upload.host<LongLabel>(long_labels));
    upload.send(*device_, stream);
    segments_ = {{upload.on_device<std::int32_t>(order), upload.on_device<LabelPiece>(pieces),
                  static_cast<std::int64_t>(host.pieces.size()), upload.on_device<LongLabel>(long_labels),
                  static_cast<std::int64_t>(host.long_labels.size())},
                 host.partial_sums,
                 upload.memory()};
    made_segments_ = {upload.memory(), stream, device_->record(stream)};
    rows_ = std::move(rows);
    sets_ = sets;
  }
  use(made_segments_, stream);
  return segments_;
}

}  // namespace infoplane::estimator::cuda
