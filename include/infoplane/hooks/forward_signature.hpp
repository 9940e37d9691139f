#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <type_traits>

namespace infoplane::hooks::detail {

/// Result and arguments of a pointer to a `forward`.
template <typename Pointer>
struct ForwardSignature;

#define INFOPLANE_FORWARD_SIGNATURE(qualifiers, is_const)     \
  template <typename R, typename Class, typename... Args>     \
  struct ForwardSignature<R (Class::*)(Args...) qualifiers> { \
    using type = R(Args...);                                  \
    static constexpr bool kConst = is_const;                  \
  }
INFOPLANE_FORWARD_SIGNATURE(, false);
INFOPLANE_FORWARD_SIGNATURE(&, false);
INFOPLANE_FORWARD_SIGNATURE(noexcept, false);
INFOPLANE_FORWARD_SIGNATURE(const, true);
INFOPLANE_FORWARD_SIGNATURE(const&, true);
INFOPLANE_FORWARD_SIGNATURE(const noexcept, true);
#undef INFOPLANE_FORWARD_SIGNATURE

template <typename Impl>
concept HasOneForward = requires {
  &Impl::forward;
};

template <typename Impl, typename... Args>
concept ForwardTakes = requires(Impl& impl, Args... args) {
  impl.Impl::forward(static_cast<Args>(args)...);
};

/// A tensor that no caller can have: stands for an argument that was left out.
inline const at::Tensor& left_out() {
  static const at::Tensor tensor = at::Tensor::wrap_tensor_impl(
      c10::make_intrusive<c10::TensorImpl>(c10::DispatchKeySet(), caffe2::TypeMeta::Make<float>(), std::nullopt));
  return tensor;
}

inline bool is_left_out(const at::Tensor& tensor) {
  return tensor.unsafeGetTensorImpl() == left_out().unsafeGetTensorImpl();
}
inline bool is_left_out(const std::optional<at::Tensor>& tensor) { return tensor && is_left_out(*tensor); }
template <typename T>
bool is_left_out(const T& /*argument*/) {
  return false;
}

/// The default argument of a re-declared `forward`: only tensors can tell that they were left out.
template <typename A, bool kHasDefault>
A left_out_argument() {
  static_assert(kHasDefault, "infoplane: forward(...) was called with too few arguments: this one has no default.");
  using Value = std::remove_cvref_t<A>;
  constexpr bool kIsTensor = std::is_same_v<Value, at::Tensor> || std::is_same_v<Value, std::optional<at::Tensor>>;
  static_assert(kIsTensor,
                "infoplane: forward(...) was called without an argument that is not a tensor; its default is known to "
                "the Impl only. Pass the argument, or call the holder: module(x) instead of module->forward(x).");
  if constexpr (kIsTensor) {
    if constexpr (std::is_same_v<Value, at::Tensor>) {
      if constexpr (std::is_reference_v<A>) {
        return const_cast<at::Tensor&>(left_out());
      } else {
        return left_out();
      }
    } else {
      static const Value value = left_out();
      return value;
    }
  }
}

}  // namespace infoplane::hooks::detail
