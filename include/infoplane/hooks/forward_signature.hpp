#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace infoplane::hooks::detail {

template <typename T>
inline constexpr bool kNever = false;

/// Result and arguments of a pointer to a `forward`.
template <typename Pointer>
struct ForwardSignature {
  static_assert(kNever<Pointer>,
                "infoplane: Hookable needs a forward that is an ordinary member function: not static, volatile, "
                "variadic or for temporaries (&&). Change that, or put x = infoplane::tap(\"name\", x) inside it.");
};

#define INFOPLANE_FORWARD_SIGNATURE(qualifiers, is_const)     \
  template <typename R, typename Class, typename... Args>     \
  struct ForwardSignature<R (Class::*)(Args...) qualifiers> { \
    using type = R(Args...);                                  \
    static constexpr bool kConst = is_const;                  \
  }
INFOPLANE_FORWARD_SIGNATURE(, false);
INFOPLANE_FORWARD_SIGNATURE(&, false);
INFOPLANE_FORWARD_SIGNATURE(noexcept, false);
INFOPLANE_FORWARD_SIGNATURE(&noexcept, false);
INFOPLANE_FORWARD_SIGNATURE(const, true);
INFOPLANE_FORWARD_SIGNATURE(const&, true);
INFOPLANE_FORWARD_SIGNATURE(const noexcept, true);
INFOPLANE_FORWARD_SIGNATURE(const& noexcept, true);
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

/// How a value says that it was left out: only those that begin with a tensor can.
template <typename T>
struct LeftOut {
  static constexpr bool kCan = false;
  static bool is(const T& /*argument*/) { return false; }
};
template <>
struct LeftOut<at::Tensor> {
  static constexpr bool kCan = true;
  static at::Tensor make() { return left_out(); }
  static bool is(const at::Tensor& tensor) { return tensor.unsafeGetTensorImpl() == left_out().unsafeGetTensorImpl(); }
};
template <typename T>
struct LeftOut<std::optional<T>> {
  static constexpr bool kCan = LeftOut<T>::kCan;
  static std::optional<T> make() { return LeftOut<T>::make(); }
  static bool is(const std::optional<T>& argument) { return argument && LeftOut<T>::is(*argument); }
};
template <typename First, typename... Rest>
struct LeftOut<std::tuple<First, Rest...>> {
  static constexpr bool kCan = LeftOut<First>::kCan && (std::is_default_constructible_v<Rest> && ...);
  static std::tuple<First, Rest...> make() { return {LeftOut<First>::make(), Rest()...}; }
  static bool is(const std::tuple<First, Rest...>& argument) { return LeftOut<First>::is(std::get<0>(argument)); }
};
template <typename First, typename Second>
struct LeftOut<std::pair<First, Second>> {
  static constexpr bool kCan = LeftOut<First>::kCan && std::is_default_constructible_v<Second>;
  static std::pair<First, Second> make() { return {LeftOut<First>::make(), Second()}; }
  static bool is(const std::pair<First, Second>& argument) { return LeftOut<First>::is(argument.first); }
};

template <typename T>
bool is_left_out(const T& argument) {
  return LeftOut<T>::is(argument);
}

/// The default argument of a re-declared `forward`: only tensors can tell that they were left out.
template <typename A, bool kHasDefault>
A left_out_argument() {
  using Value = std::remove_cvref_t<A>;
  static_assert(kHasDefault, "infoplane: forward(...) was called with too few arguments: this one has no default.");
  static_assert(LeftOut<Value>::kCan,
                "infoplane: forward(...) was called without an argument that is not a tensor; its default is known to "
                "the Impl only. Pass the argument, or call the holder: module(x) instead of module->forward(x).");
  if constexpr (LeftOut<Value>::kCan) {
    if constexpr (std::is_reference_v<A>) {
      static Value value = LeftOut<Value>::make();
      return static_cast<A>(value);
    } else {
      return LeftOut<Value>::make();
    }
  }
}

}  // namespace infoplane::hooks::detail
