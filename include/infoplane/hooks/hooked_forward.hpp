#pragma once

#include <functional>
#include <infoplane/hooks/forward_signature.hpp>
#include <infoplane/hooks/hook_list.hpp>
#include <optional>
#include <tuple>
#include <utility>

namespace infoplane::hooks::detail {

template <typename Impl, bool kConst, typename Signature>
class HookStore;

/// An Impl with its hooks, and the call that runs them.
template <typename Impl, bool kConst, typename R, typename... Args>
class HookStore<Impl, kConst, R(Args...)> : public Impl {
  static_assert(!std::is_void_v<R> && !std::is_reference_v<R>,
                "infoplane: Hookable needs a forward that returns a value: a hook may replace it. Return the tensor by "
                "value, or put x = infoplane::tap(\"name\", x) inside the forward.");

 public:
  using Impl::Impl;
  HookStore() = default;
  explicit HookStore(const Impl& impl) : Impl(impl) {}

  using Self = std::conditional_t<kConst, const Impl, Impl>;
  using Inputs = std::tuple<std::decay_t<Args>...>;
  using Output = R;
  using ForwardPreHook = std::function<std::optional<Inputs>(Self&, const Inputs&)>;
  using ForwardHook = std::function<std::optional<Output>(Self&, const Inputs&, const Output&)>;

 protected:
  template <typename Store, typename... Given>
  static R run(Store& self, Given&&... given) {
    if (self.pre_hooks_.empty() && self.hooks_.empty()) {
      return self.Impl::forward(std::forward<Given>(given)...);
    }
    auto inputs = inputs_of(std::make_index_sequence<sizeof...(Args)>(), given...);
    bool is_replaced = false;
    for (const auto pre_hooks = self.pre_hooks_.snapshot(); const auto& hook : *pre_hooks) {
      if (auto replaced = (*hook.function)(self, inputs)) {
        inputs = std::move(*replaced);
        is_replaced = true;
      }
    }
    R output = is_replaced ? apply(self, inputs, std::make_index_sequence<sizeof...(Given)>())
                           : self.Impl::forward(std::forward<Given>(given)...);
    for (const auto hooks = self.hooks_.snapshot(); const auto& hook : *hooks) {
      if (auto replaced = (*hook.function)(self, inputs, output)) {
        output = std::move(*replaced);
      }
    }
    return output;
  }

  /// As `run`, without the arguments from the first one on that the caller left out.
  template <std::size_t kGiven = 1, typename Store>
  static R run_given(Store& self, Args&&... args) {
    if constexpr (kGiven < sizeof...(Args)) {
      const auto references = std::forward_as_tuple(args...);
      if constexpr (takes(std::make_index_sequence<kGiven>())) {
        if (is_left_out(std::get<kGiven>(references))) {
          return run_first(self, references, std::make_index_sequence<kGiven>());
        }
      }
      return run_given<kGiven + 1>(self, std::forward<Args>(args)...);
    } else {
      return run(self, std::forward<Args>(args)...);
    }
  }

  HookList<ForwardPreHook> pre_hooks_;
  HookList<ForwardHook> hooks_;

 private:
  template <std::size_t... I>
  static constexpr bool takes(std::index_sequence<I...> /*given*/) {
    return ForwardTakes<Impl, std::tuple_element_t<I, std::tuple<Args...>>...>;
  }

  template <typename Store, typename References, std::size_t... I>
  static R run_first(Store& self, const References& references, std::index_sequence<I...> /*given*/) {
    return run(self, static_cast<std::tuple_element_t<I, std::tuple<Args...>>&&>(std::get<I>(references))...);
  }

  /// The arguments that were given, and default values for the rest.
  template <std::size_t... I, typename... Given>
  static Inputs inputs_of(std::index_sequence<I...> /*all*/, const Given&... given) {
    const auto references = std::forward_as_tuple(given...);
    [[maybe_unused]] const auto value =
        [&]<std::size_t J>(std::integral_constant<std::size_t, J>) -> std::tuple_element_t<J, Inputs> {
      if constexpr (J < sizeof...(Given)) {
        return std::get<J>(references);
      } else {
        return {};
      }
    };
    return Inputs(value(std::integral_constant<std::size_t, I>())...);
  }

  template <typename Store, std::size_t... I>
  static R apply(Store& self, const Inputs& inputs, std::index_sequence<I...> /*given*/) {
    [[maybe_unused]] auto values = inputs;  // the hooks of the result see what went in
    return self.Impl::forward(static_cast<std::tuple_element_t<I, std::tuple<Args...>>&&>(std::get<I>(values))...);
  }
};

/// Re-declares `forward` with the same signature.
template <typename Impl, bool kConst, typename Signature>
class HookedForward : public Impl {
  static_assert(
      kNever<Signature>,
      "infoplane: Hookable takes a forward of at most seven arguments. Put some of them into a struct, or put "
      "x = infoplane::tap(\"name\", x) inside the forward.");
};

// One class for each number of arguments, since an argument that may be left out needs a default of its own.
#define INFOPLANE_HOOKED_FORWARD(is_const, qualifier)                                                                  \
  template <typename Impl, typename R>                                                                                 \
  class HookedForward<Impl, is_const, R()> : public HookStore<Impl, is_const, R()> {                                   \
    using Store = HookStore<Impl, is_const, R()>;                                                                      \
                                                                                                                       \
   public:                                                                                                             \
    using Store::Store;                                                                                                \
    R forward() qualifier { return Store::run_given(*this); }                                                          \
  };                                                                                                                   \
  template <typename Impl, typename R, typename A0>                                                                    \
  class HookedForward<Impl, is_const, R(A0)> : public HookStore<Impl, is_const, R(A0)> {                               \
    using Store = HookStore<Impl, is_const, R(A0)>;                                                                    \
                                                                                                                       \
   public:                                                                                                             \
    using Store::Store;                                                                                                \
    R forward(A0 a0) qualifier { return Store::run_given(*this, std::forward<A0>(a0)); }                               \
  };                                                                                                                   \
  template <typename Impl, typename R, typename A0, typename A1>                                                       \
  class HookedForward<Impl, is_const, R(A0, A1)> : public HookStore<Impl, is_const, R(A0, A1)> {                       \
    using Store = HookStore<Impl, is_const, R(A0, A1)>;                                                                \
                                                                                                                       \
   public:                                                                                                             \
    using Store::Store;                                                                                                \
    R forward(A0 a0, A1 a1 = left_out_argument<A1, ForwardTakes<Impl, A0>>()) qualifier {                              \
      return Store::run_given(*this, std::forward<A0>(a0), std::forward<A1>(a1));                                      \
    }                                                                                                                  \
  };                                                                                                                   \
  template <typename Impl, typename R, typename A0, typename A1, typename A2>                                          \
  class HookedForward<Impl, is_const, R(A0, A1, A2)> : public HookStore<Impl, is_const, R(A0, A1, A2)> {               \
    using Store = HookStore<Impl, is_const, R(A0, A1, A2)>;                                                            \
                                                                                                                       \
   public:                                                                                                             \
    using Store::Store;                                                                                                \
    R forward(A0 a0, A1 a1 = left_out_argument<A1, ForwardTakes<Impl, A0>>(),                                          \
              A2 a2 = left_out_argument<A2, ForwardTakes<Impl, A0, A1>>()) qualifier {                                 \
      return Store::run_given(*this, std::forward<A0>(a0), std::forward<A1>(a1), std::forward<A2>(a2));                \
    }                                                                                                                  \
  };                                                                                                                   \
  template <typename Impl, typename R, typename A0, typename A1, typename A2, typename A3>                             \
  class HookedForward<Impl, is_const, R(A0, A1, A2, A3)> : public HookStore<Impl, is_const, R(A0, A1, A2, A3)> {       \
    using Store = HookStore<Impl, is_const, R(A0, A1, A2, A3)>;                                                        \
                                                                                                                       \
   public:                                                                                                             \
    using Store::Store;                                                                                                \
    R forward(A0 a0, A1 a1 = left_out_argument<A1, ForwardTakes<Impl, A0>>(),                                          \
              A2 a2 = left_out_argument<A2, ForwardTakes<Impl, A0, A1>>(),                                             \
              A3 a3 = left_out_argument<A3, ForwardTakes<Impl, A0, A1, A2>>()) qualifier {                             \
      return Store::run_given(*this, std::forward<A0>(a0), std::forward<A1>(a1), std::forward<A2>(a2),                 \
                              std::forward<A3>(a3));                                                                   \
    }                                                                                                                  \
  };                                                                                                                   \
  template <typename Impl, typename R, typename A0, typename A1, typename A2, typename A3, typename A4>                \
  class HookedForward<Impl, is_const, R(A0, A1, A2, A3, A4)>                                                           \
      : public HookStore<Impl, is_const, R(A0, A1, A2, A3, A4)> {                                                      \
    using Store = HookStore<Impl, is_const, R(A0, A1, A2, A3, A4)>;                                                    \
                                                                                                                       \
   public:                                                                                                             \
    using Store::Store;                                                                                                \
    R forward(A0 a0, A1 a1 = left_out_argument<A1, ForwardTakes<Impl, A0>>(),                                          \
              A2 a2 = left_out_argument<A2, ForwardTakes<Impl, A0, A1>>(),                                             \
              A3 a3 = left_out_argument<A3, ForwardTakes<Impl, A0, A1, A2>>(),                                         \
              A4 a4 = left_out_argument<A4, ForwardTakes<Impl, A0, A1, A2, A3>>()) qualifier {                         \
      return Store::run_given(*this, std::forward<A0>(a0), std::forward<A1>(a1), std::forward<A2>(a2),                 \
                              std::forward<A3>(a3), std::forward<A4>(a4));                                             \
    }                                                                                                                  \
  };                                                                                                                   \
  template <typename Impl, typename R, typename A0, typename A1, typename A2, typename A3, typename A4, typename A5>   \
  class HookedForward<Impl, is_const, R(A0, A1, A2, A3, A4, A5)>                                                       \
      : public HookStore<Impl, is_const, R(A0, A1, A2, A3, A4, A5)> {                                                  \
    using Store = HookStore<Impl, is_const, R(A0, A1, A2, A3, A4, A5)>;                                                \
                                                                                                                       \
   public:                                                                                                             \
    using Store::Store;                                                                                                \
    R forward(A0 a0, A1 a1 = left_out_argument<A1, ForwardTakes<Impl, A0>>(),                                          \
              A2 a2 = left_out_argument<A2, ForwardTakes<Impl, A0, A1>>(),                                             \
              A3 a3 = left_out_argument<A3, ForwardTakes<Impl, A0, A1, A2>>(),                                         \
              A4 a4 = left_out_argument<A4, ForwardTakes<Impl, A0, A1, A2, A3>>(),                                     \
              A5 a5 = left_out_argument<A5, ForwardTakes<Impl, A0, A1, A2, A3, A4>>()) qualifier {                     \
      return Store::run_given(*this, std::forward<A0>(a0), std::forward<A1>(a1), std::forward<A2>(a2),                 \
                              std::forward<A3>(a3), std::forward<A4>(a4), std::forward<A5>(a5));                       \
    }                                                                                                                  \
  };                                                                                                                   \
  template <typename Impl, typename R, typename A0, typename A1, typename A2, typename A3, typename A4, typename A5,   \
            typename A6>                                                                                               \
  class HookedForward<Impl, is_const, R(A0, A1, A2, A3, A4, A5, A6)>                                                   \
      : public HookStore<Impl, is_const, R(A0, A1, A2, A3, A4, A5, A6)> {                                              \
    using Store = HookStore<Impl, is_const, R(A0, A1, A2, A3, A4, A5, A6)>;                                            \
                                                                                                                       \
   public:                                                                                                             \
    using Store::Store;                                                                                                \
    R forward(A0 a0, A1 a1 = left_out_argument<A1, ForwardTakes<Impl, A0>>(),                                          \
              A2 a2 = left_out_argument<A2, ForwardTakes<Impl, A0, A1>>(),                                             \
              A3 a3 = left_out_argument<A3, ForwardTakes<Impl, A0, A1, A2>>(),                                         \
              A4 a4 = left_out_argument<A4, ForwardTakes<Impl, A0, A1, A2, A3>>(),                                     \
              A5 a5 = left_out_argument<A5, ForwardTakes<Impl, A0, A1, A2, A3, A4>>(),                                 \
              A6 a6 = left_out_argument<A6, ForwardTakes<Impl, A0, A1, A2, A3, A4, A5>>()) qualifier {                 \
      return Store::run_given(*this, std::forward<A0>(a0), std::forward<A1>(a1), std::forward<A2>(a2),                 \
                              std::forward<A3>(a3), std::forward<A4>(a4), std::forward<A5>(a5), std::forward<A6>(a6)); \
    }                                                                                                                  \
  };

INFOPLANE_HOOKED_FORWARD(false, )
INFOPLANE_HOOKED_FORWARD(true, const)
#undef INFOPLANE_HOOKED_FORWARD

}  // namespace infoplane::hooks::detail
