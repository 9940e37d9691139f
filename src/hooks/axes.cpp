#include "hooks/axes.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <array>

#include "hooks/each_tensor.hpp"

namespace infoplane::hooks::detail {
namespace {

constexpr std::size_t kMostKnown = 64;  // the stream of a block waits for its residual addition, not for long

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 37> kKeeping = {"add",
                                                       "add_",
                                                       "sub",
                                                       "sub_",
                                                       "rsub",
                                                       "mul",
                                                       "mul_",
                                                       "multiply",
                                                       "div",
                                                       "div_",
                                                       "addcmul",
                                                       "dropout",
                                                       "dropout_",
                                                       "native_dropout",
                                                       "feature_dropout",
                                                       "layer_norm",
                                                       "native_layer_norm",
                                                       "rms_norm",
                                                       "_fused_rms_norm",
                                                       "to",
                                                       "_to_copy",
                                                       "contiguous",
                                                       "clone",
                                                       "detach",
                                                       "alias",
                                                       "relu",
                                                       "relu_",
                                                       "gelu",
                                                       "silu",
                                                       "tanh",
                                                       "masked_fill",
                                                       "masked_fill_",
                                                       "cat",
                                                       "slice",
                                                       "narrow",
                                                       "_autocast_to_reduced_precision",
                                                       "_autocast_to_full_precision"};
constexpr std::array<std::string_view, 7> kReshaping = {"view",    "reshape",   "_unsafe_view", "_reshape_alias",
                                                        "flatten", "unflatten", "view_as"};
constexpr std::array<std::string_view, 3> kMapping = {"linear", "matmul", "mm"};

AxisMatch exchanged(AxisMatch match) noexcept {
  return match == AxisMatch::kUnknown ? match : match == AxisMatch::kSame ? AxisMatch::kExchanged : AxisMatch::kSame;
}

std::int64_t axis(std::int64_t number, std::int64_t axes) noexcept { return number < 0 ? number + axes : number; }

/// Whether the leading two of three axes change places, and nothing else.
bool exchanges(std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
  if (name == "transpose" && inputs.size() == 3 && inputs[1].isInt() && inputs[2].isInt()) {
    const auto a = axis(inputs[1].toInt(), 3);
    const auto b = axis(inputs[2].toInt(), 3);
    return std::min(a, b) == 0 && std::max(a, b) == 1;
  }
  if (name == "permute" && inputs.size() == 2 && inputs[1].isIntList()) {
    const auto order = inputs[1].toIntVector();
    return order.size() == 3 && axis(order[0], 3) == 1 && axis(order[1], 3) == 0;
  }
  return false;
}

std::vector<std::int64_t> swapped(c10::IntArrayRef values) {
  auto result = values.vec();
  std::swap(result[0], result[1]);
  return result;
}

}  // namespace

Axes::Axes(at::Tensor tokens) : tokens_(std::move(tokens)) {}

Axes::Effect Axes::effect_of(std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
  if (is_one_of(kKeeping, name)) {
    return Effect::kKeeps;
  }
  if (is_one_of(kReshaping, name)) {
    return Effect::kReshapes;
  }
  if (is_one_of(kMapping, name)) {
    const bool is_map = inputs.size() > 1 && inputs[1].isTensor() && inputs[1].toTensor().dim() == 2;
    return is_map ? Effect::kMaps : Effect::kNone;
  }
  if (name == "embedding" || name == "index_select" || name == "index") {
    return Effect::kLooksUp;
  }
  return exchanges(name, inputs) ? Effect::kExchanges : Effect::kNone;
}

void Axes::start(const void* key, std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
  constexpr std::string_view kPrefix = "aten::";
  if (!name.starts_with(kPrefix)) {
    return;
  }
  name.remove_prefix(kPrefix.size());
  const auto effect = effect_of(name, inputs);
  if (effect == Effect::kNone) {
    if (name.ends_with('_') && !inputs.empty() && inputs[0].isTensor()) {
      forget(inputs[0].toTensor());  // overwritten, with who knows what
    }
    return;
  }
  if (effect == Effect::kLooksUp) {
    if (const auto match = looked_up(name, inputs); match != AxisMatch::kUnknown) {
      running_.push_back({key, effect, match, {}});
    }
    return;
  }
  Running running{key, effect, AxisMatch::kUnknown, {}};
  bool agree = true;
  for_each_tensor(effect == Effect::kMaps ? inputs.slice(0, 1) : inputs, [&](const at::Tensor& tensor) {
    const auto match = of(tensor);
    if (match == AxisMatch::kUnknown) {
      return;
    }
    agree = agree && (running.match == AxisMatch::kUnknown || running.match == match);
    running.match = match;
    running.sizes = tensor.sizes().vec();
  });
  if (agree && running.match != AxisMatch::kUnknown) {
    running_.push_back(std::move(running));
  }
}

void Axes::end(const void* key, const std::vector<c10::IValue>& results) {
  if (running_.empty() || running_.back().key != key) {
    return;
  }
  const auto ended = std::move(running_.back());
  running_.pop_back();
  if (results.empty() || !results.front().isTensor() || !results.front().toTensor().defined()) {
    return;
  }
  const auto& result = results.front().toTensor();
  if (shows_axes(ended, result.sizes())) {
    remember(result, ended.effect == Effect::kExchanges ? exchanged(ended.match) : ended.match);
  }
}

/// Whether the leading axes of a result of these sizes are known from those of what the operator read.
bool Axes::shows_axes(const Running& ended, c10::IntArrayRef sizes) {
  const bool as_many = sizes.size() == ended.sizes.size();
  if (sizes.size() != 2 && sizes.size() != 3) {
    return false;
  }
  switch (ended.effect) {
    case Effect::kReshapes:
      return sizes.back() == ended.sizes.back() && (!as_many || sizes.equals(ended.sizes));
    case Effect::kKeeps:
    case Effect::kMaps:
      return as_many;
    case Effect::kExchanges:
      return as_many && sizes.size() == 3;
    default:
      return true;
  }
}

AxisMatch Axes::of(const at::Tensor& tensor) const {
  if (!tensor.defined() || !tensor.has_storage() || tensor.dim() < 2 || tensor.dim() > 3) {
    return AxisMatch::kUnknown;
  }
  const auto* const storage = tensor.storage().unsafeGetStorageImpl();
  for (auto known = known_.rbegin(); known != known_.rend(); ++known) {
    // The address of a storage is not used again while the weak pointer stands.
    if (known->storage._unsafe_get_target() != storage || known->data != tensor.const_data_ptr()) {
      continue;
    }
    if (tensor.sizes().equals(known->sizes) && tensor.strides().equals(known->strides)) {
      return known->match;
    }
    if (tensor.dim() == 3 && known->sizes.size() == 3 && tensor.sizes().equals(swapped(known->sizes)) &&
        tensor.strides().equals(swapped(known->strides))) {
      return exchanged(known->match);
    }
  }
  return AxisMatch::kUnknown;
}

AxisMatch Axes::looked_up(std::string_view name, c10::ArrayRef<const c10::IValue> inputs) {
  if (name == "embedding") {  // (weight, indices, …)
    return inputs.size() > 1 && inputs[1].isTensor() ? of_indices(inputs[1].toTensor()) : AxisMatch::kUnknown;
  }
  if (name == "index_select") {  // (self, dim, index)
    const bool rows = inputs.size() == 3 && inputs[1].isInt() && inputs[1].toInt() == 0 && inputs[2].isTensor();
    return rows ? of_indices(inputs[2].toTensor()) : AxisMatch::kUnknown;
  }
  if (inputs.size() == 2 && inputs[1].isList() && inputs[1].toListRef().size() == 1) {  // (self, indices)
    const auto& index = inputs[1].toListRef().front();
    return index.isTensor() ? of_indices(index.toTensor()) : AxisMatch::kUnknown;
  }
  return AxisMatch::kUnknown;
}

/// Whether the indices are the tokens or their transpose in the same memory, which needs no look at the values.
AxisMatch Axes::by_memory(const at::Tensor& indices) const {
  const bool same_memory = indices.dim() == 2 && indices.has_storage() && tokens_.has_storage() &&
                           indices.const_data_ptr() == tokens_.const_data_ptr() &&
                           indices.scalar_type() == tokens_.scalar_type() && indices.device() == tokens_.device();
  if (!same_memory) {
    return AxisMatch::kUnknown;
  }
  if (indices.sizes().equals(tokens_.sizes()) && indices.strides().equals(tokens_.strides())) {
    return AxisMatch::kSame;
  }
  const bool is_transpose =
      indices.sizes().equals(swapped(tokens_.sizes())) && indices.strides().equals(swapped(tokens_.strides()));
  return is_transpose ? AxisMatch::kExchanged : AxisMatch::kUnknown;
}

AxisMatch Axes::of_indices(const at::Tensor& indices) {
  const bool could_be = indices.defined() && at::isIntegralType(indices.scalar_type(), /*includeBool=*/false) &&
                        indices.numel() == tokens_.numel() && (indices.dim() == 1 || indices.dim() == 2);
  if (!could_be) {
    return AxisMatch::kUnknown;
  }
  if (const auto match = by_memory(indices); match != AxisMatch::kUnknown) {
    return match;
  }
  const bool same_sizes = indices.dim() == 1 || indices.sizes().equals(tokens_.sizes());
  const bool swapped_sizes = indices.dim() == 1 || indices.sizes().equals(swapped(tokens_.sizes()));
  const bool same = same_sizes && same_values(indices, false);
  const bool other = swapped_sizes && same_values(indices, true);
  // Of a symmetric matrix, values do not tell.
  return same == other ? AxisMatch::kUnknown : same ? AxisMatch::kSame : AxisMatch::kExchanged;
}

bool Axes::same_values(const at::Tensor& indices, bool exchanged) {
  const at::DisableRecordFunctionGuard unobserved;
  const at::NoGradGuard no_grad;
  if (!on_host_.defined()) {
    on_host_ = tokens_.to(at::TensorOptions(at::kCPU).dtype(at::kLong));
  }
  const auto host = indices.to(at::TensorOptions(at::kCPU).dtype(at::kLong));
  const auto expected = exchanged ? on_host_.t() : on_host_;
  return host.reshape({-1}).equal(expected.reshape({-1}));
}

void Axes::remember(const at::Tensor& tensor, AxisMatch match) {
  if (!tensor.has_storage()) {
    return;
  }
  forget(tensor);
  if (known_.size() == kMostKnown) {
    known_.erase(known_.begin());
  }
  known_.push_back({tensor.storage().getWeakStorageImpl(), tensor.const_data_ptr(), tensor.sizes().vec(),
                    tensor.strides().vec(), match});
}

void Axes::forget(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.has_storage()) {
    return;
  }
  const auto* const storage = tensor.storage().unsafeGetStorageImpl();
  std::erase_if(known_, [&](const Known& known) {
    return known.storage._unsafe_get_target() == storage && known.data == tensor.const_data_ptr() &&
           tensor.sizes().equals(known.sizes);
  });
}

}  // namespace infoplane::hooks::detail
