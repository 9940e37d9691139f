#include "hooks/turned_stream.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/transpose.h>
#include <ATen/record_function.h>

#include <functional>
#include <numeric>

#include "hooks/operator_kind.hpp"

namespace infoplane::hooks::detail {

void TurnedStream::wait(const at::Tensor& stream, int record) {
  stream_ = stream.variable_data();
  record_ = record;
}

std::optional<TurnedStream::Found> TurnedStream::added(std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
  if (!is_addition(name)) {
    return std::nullopt;
  }
  for (const auto& input : inputs) {
    if (!input.isTensor()) {
      continue;
    }
    const auto& operand = input.toTensor();
    const bool same = operand.defined() && operand.has_storage() && operand.is_alias_of(stream_) &&
                      operand.const_data_ptr() == stream_.const_data_ptr() && operand.numel() == stream_.numel();
    if (same) {
      stream_.reset();
      return Found{record_, operand};
    }
  }
  return std::nullopt;
}

bool TurnedStream::is_view_of_last(const at::Tensor& stream) const {
  const auto numel = std::accumulate(sizes_.begin(), sizes_.end(), std::int64_t{1}, std::multiplies<>());
  return !sizes_.empty() && stream.dim() > 0 && stream.size(-1) != sizes_.back() && stream.numel() == numel &&
         stream.is_contiguous();
}

at::Tensor TurnedStream::as_last(const at::Tensor& stream) const {
  if (is_view_of_last(stream)) {
    const at::DisableRecordFunctionGuard unobserved;
    const at::NoGradGuard no_grad;
    return stream.view(sizes_);
  }
  if (stream.dim() != 3 || sizes_.size() != 3) {
    return stream;
  }
  const bool swapped = stream.size(0) == sizes_[1] && stream.size(1) == sizes_[0];
  if (!swapped || (stream.size(0) == stream.size(1) && stream.is_contiguous())) {
    return stream;
  }
  const at::DisableRecordFunctionGuard unobserved;
  const at::NoGradGuard no_grad;
  return stream.transpose(0, 1);
}

}  // namespace infoplane::hooks::detail
