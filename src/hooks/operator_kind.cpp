#include "hooks/operator_kind.hpp"

#include <algorithm>
#include <array>

namespace infoplane::hooks::detail {
namespace {

constexpr std::string_view kAten = "aten::";

/// "add" of "aten::add_".
std::string_view base_of(std::string_view name) noexcept {
  if (name.starts_with(kAten)) {
    name.remove_prefix(kAten.size());
  }
  while (name.ends_with('_')) {
    name.remove_suffix(1);
  }
  return name;
}

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) noexcept {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <std::size_t N>
bool has_any_of(std::string_view name, const std::array<std::string_view, N>& parts) noexcept {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return name.find(part) != std::string_view::npos; });
}

constexpr std::array<std::string_view, 19> kMixes = {
    "linear", "matmul", "mm",  "mv",        "einsum", "conv", "inner", "tensordot", "attention",  "lstm",
    "gru",    "rnn",    "fft", "embedding", "cdist",  "dot",  "kron",  "outer",     "transformer"};
constexpr std::array<std::string_view, 27> kRearranges = {"cat",
                                                          "concat",
                                                          "concatenate",
                                                          "stack",
                                                          "hstack",
                                                          "vstack",
                                                          "pad",
                                                          "index",
                                                          "index_select",
                                                          "gather",
                                                          "take_along_dim",
                                                          "masked_select",
                                                          "repeat",
                                                          "tile",
                                                          "roll",
                                                          "flip",
                                                          "index_add",
                                                          "index_put",
                                                          "index_copy",
                                                          "scatter",
                                                          "scatter_add",
                                                          "slice_scatter",
                                                          "select_scatter",
                                                          "masked_scatter",
                                                          "constant_pad_nd",
                                                          "repeat_interleave",
                                                          "scatter_reduce"};
constexpr std::array<std::string_view, 21> kCopies = {
    "clone",    "to",      "_to_copy",     "contiguous", "copy",  "alias", "detach",
    "type_as",  "reshape", "flatten",      "unflatten",  "float", "half",  "double",
    "bfloat16", "lift",    "_unsafe_view", "fill",       "zero",  "cuda",  "_reshape_copy"};
constexpr std::array<std::string_view, 11> kFresh = {
    "_like", "new_zeros", "new_ones", "new_full", "rand", "bernoulli", "normal", "uniform", "zeros", "ones", "arange"};
constexpr std::array<std::string_view, 12> kAdditions = {"add",       "sub",     "rsub",         "addcmul",
                                                         "addcdiv",   "lerp",    "where",        "subtract",
                                                         "logaddexp", "maximum", "_foreach_add", "add_relu"};
constexpr std::array<std::string_view, 8> kScatters = {"index_add",      "index_put",    "index_copy",
                                                       "scatter",        "scatter_add",  "scatter_reduce",
                                                       "masked_scatter", "slice_scatter"};
constexpr std::array<std::string_view, 12> kLayoutOnly = {"detach_",     "squeeze_",       "unsqueeze_",  "t_",
                                                          "transpose_",  "requires_grad_", "swapdims_",   "swapaxes_",
                                                          "as_strided_", "rename_",        "retain_grad", "set_data"};

}  // namespace

OperatorKind operator_kind(std::string_view name) noexcept {
  const auto base = base_of(name);
  if (base.find("empty") != std::string_view::npos) {
    return OperatorKind::kEmpty;
  }
  if (!name.starts_with(kAten)) {
    return OperatorKind::kMix;
  }
  if (is_one_of(base, kCopies)) {
    return OperatorKind::kCopy;
  }
  if (is_one_of(base, kRearranges)) {
    return OperatorKind::kRearrange;
  }
  if (has_any_of(base, kMixes)) {
    return OperatorKind::kMix;
  }
  return has_any_of(base, kFresh) ? OperatorKind::kFresh : OperatorKind::kElementwise;
}

bool is_fused_norm(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 4> kNorms = {"layer_norm", "rms_norm", "native_layer_norm", "_fused_rms_norm"};
  return name.starts_with(kAten) && is_one_of(name.substr(kAten.size()), kNorms);
}

bool is_copy(std::string_view name) noexcept {
  return name == "aten::clone" || name == "aten::to" || name == "aten::_to_copy";
}

bool writes_first(std::string_view name) noexcept { return name.ends_with('_') && !name.ends_with("__"); }

bool is_layout_only(std::string_view name) noexcept {
  if (name.starts_with(kAten)) {
    name.remove_prefix(kAten.size());
  }
  return is_one_of(name, kLayoutOnly);
}

bool adds_first(std::string_view name) noexcept {
  const auto base = base_of(name);
  return base.starts_with("add") || base.starts_with("badd");
}

bool is_addition(std::string_view name) noexcept {
  return name.starts_with(kAten) && (is_one_of(base_of(name), kAdditions) || is_scatter(name));
}

bool is_scatter(std::string_view name) noexcept {
  return name.starts_with(kAten) && is_one_of(base_of(name), kScatters);
}

}  // namespace infoplane::hooks::detail
