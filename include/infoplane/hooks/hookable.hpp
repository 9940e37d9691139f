#pragma once

#include <infoplane/core/error.hpp>
#include <infoplane/hooks/first_tensor.hpp>
#include <infoplane/hooks/hooked_forward.hpp>
#include <infoplane/hooks/tap.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

namespace infoplane::hooks {

namespace detail {

/// Where a module keeps its name, which Module finds by itself only as that of its most derived class.
template <std::optional<std::string> torch::nn::Module::*kMember>
struct ModuleName {
  friend std::optional<std::string>& name_of(const torch::nn::Module& module) {
    return const_cast<torch::nn::Module&>(module).*kMember;
  }
};
std::optional<std::string>& name_of(const torch::nn::Module& module);
template struct ModuleName<&torch::nn::Module::name_>;

template <typename Impl>
struct HookableBase {
  static_assert(!std::is_final_v<Impl>,
                "infoplane: Hookable derives from the Impl, which is final. Remove final, or put "
                "x = infoplane::tap(\"name\", x) inside its forward.");
  static_assert(
      HasOneForward<Impl>,
      "infoplane: Hookable needs exactly one forward that is no template and not overloaded: hooks have to know "
      "its arguments. Give the overloads other names, or put x = infoplane::tap(\"name\", x) inside them.");
  using Signature = ForwardSignature<decltype(&Impl::forward)>;
  using type = HookedForward<Impl, Signature::kConst, typename Signature::type>;
};

/// `clone` is more than that of Module, which only throws.
template <typename Impl>
inline constexpr bool kHasClone = !std::is_same_v<decltype(&Impl::clone), decltype(&torch::nn::Module::clone)>;

}  // namespace detail

/// `Impl` with forward hooks as modules have them in Python. It is an `Impl`, with the same parameters, archive keys,
/// name and signature of `forward`, so holders, containers and `AnyModule` take it in its place. Without hooks a
/// forward costs one branch more. A call through `shared_ptr<Impl>` or `as<Impl>()` bypasses it: `forward` is not
/// virtual.
///
///     struct BlockImpl : torch::nn::Module { torch::Tensor forward(torch::Tensor x); … };
///     INFOPLANE_MODULE(Block);  // instead of TORCH_MODULE(Block)
///     block->register_forward_hook([](auto& block, const auto& inputs, const auto& output) { … });
///
/// Up to seven arguments. One that the caller left out gets the default of the Impl, which only the Impl knows: hooks
/// see an empty value in its place (an undefined tensor, `nullopt`, 0, false), and what a pre-hook puts there is not
/// used. `forward` itself can be called without arguments that are (optional, or tuples that begin with) tensors; the
/// holder's call operator and `call` without any that have a default. Copies and clones have no hooks. An exception
/// from a hook leaves `forward`; the hooks after it do not run.
template <typename Impl>
class Hookable : public detail::HookableBase<Impl>::type {
  using Base = typename detail::HookableBase<Impl>::type;

 public:
  using Base::Base;
  using typename Base::ForwardHook;
  using typename Base::ForwardPreHook;
  using typename Base::Inputs;
  using typename Base::Output;
  using typename Base::Self;

  /// Calls `hook(module, inputs, output)` after each forward, in the order of registration, or before all others with
  /// `prepend`. `inputs` is a `std::tuple` of the arguments. If it returns a result (or an optional with one), this
  /// replaces the output, for later hooks too.
  template <typename Hook>
  HookHandle register_forward_hook(Hook hook, bool prepend = false) {
    using Result = std::invoke_result_t<Hook&, Self&, const Inputs&, const Output&>;
    if constexpr (std::is_void_v<Result>) {
      return this->hooks_.add(
          [hook = std::move(hook)](Self& self, const Inputs& inputs, const Output& output) mutable {
            hook(self, inputs, output);
            return std::optional<Output>();
          },
          prepend);
    } else {
      return this->hooks_.add(ForwardHook(std::move(hook)), prepend);
    }
  }

  /// Calls `hook(module, inputs)` before each forward. If it returns a tuple of inputs, or the input alone where there
  /// is one, this replaces them.
  template <typename Hook>
  HookHandle register_forward_pre_hook(Hook hook, bool prepend = false) {
    using Result = std::invoke_result_t<Hook&, Self&, const Inputs&>;
    if constexpr (std::is_void_v<Result>) {
      return this->pre_hooks_.add(
          [hook = std::move(hook)](Self& self, const Inputs& inputs) mutable {
            hook(self, inputs);
            return std::optional<Inputs>();
          },
          prepend);
    } else if constexpr (std::is_convertible_v<Result, std::optional<Inputs>>) {
      return this->pre_hooks_.add(ForwardPreHook(std::move(hook)), prepend);
    } else {
      static_assert(std::tuple_size_v<Inputs> == 1, "infoplane: a pre-hook returns nothing or the tuple of all inputs");
      return this->pre_hooks_.add(
          [hook = std::move(hook)](Self& self, const Inputs& inputs) mutable {
            return std::optional<Inputs>(Inputs(hook(self, inputs)));
          },
          prepend);
    }
  }

  /// `forward` with defaults of any type for the arguments that are left out.
  template <typename... Given>
  Output call(Given&&... given) {
    return Base::run(*this, std::forward<Given>(given)...);
  }

  /// As `Impl::clone`, of the type of this object.
  /// @throws StateError if the Impl has a `clone` of its own but cannot be copied
  std::shared_ptr<torch::nn::Module> clone(const std::optional<torch::Device>& device = std::nullopt) const override {
    if constexpr (!detail::kHasClone<Impl>) {  // an Impl with a mutex has no copy
      return Impl::clone(device);
    } else if constexpr (std::is_copy_constructible_v<Impl>) {
      const auto copy = Impl::clone(device);
      return std::make_shared<Hookable>(dynamic_cast<const Impl&>(*copy));
    } else {
      INFOPLANE_THROW(StateError, "clone() of ", this->name(),
                      ": a clone with hooks is made by its copy constructor, and it has none. Give it one.");
    }
  }

 private:
  bool keep_name() {
    auto& name = detail::name_of(*this);
    name = name ? name : c10::demangle(typeid(Impl).name());
    return true;
  }

  bool has_name_ = keep_name();
};

/// A forward hook that hands the module's output, or the first tensor of a pair, tuple, vector or optional, to the
/// observed scopes, under the name of a site.
inline auto tap_output(std::string name) {
  return [name = std::move(name)](const auto& /*module*/, const auto& /*inputs*/, const auto& output) {
    using First = detail::FirstTensor<std::decay_t<decltype(output)>>;
    static_assert(First::kHas,
                  "infoplane: tap_output needs a forward whose result is or begins with a tensor. Register a hook that "
                  "calls infoplane::tap(\"name\", x) with the tensor.");
    if constexpr (First::kHas) {
      if (detail::listeners != 0) {
        if (const auto* tensor = First::get(output)) {
          detail::fire_tap(name, *tensor, SiteKind::kModuleOutput);
        }
      }
    }
  };
}

}  // namespace infoplane::hooks

/// `TORCH_MODULE(Name)` with hooks: declares the holder `Name` of `Hookable<NameImpl>`. Calling the holder runs the
/// hooks and keeps all defaults of `forward`.
#define INFOPLANE_MODULE(Name)                                                             \
  class Name : public torch::nn::ModuleHolder<::infoplane::hooks::Hookable<Name##Impl>> {  \
   public:                                                                                 \
    using torch::nn::ModuleHolder<::infoplane::hooks::Hookable<Name##Impl>>::ModuleHolder; \
    using Impl [[maybe_unused]] = ::infoplane::hooks::Hookable<Name##Impl>;                \
                                                                                           \
    template <typename... Args>                                                            \
    auto operator()(Args&&... args) {                                                      \
      return this->get()->call(std::forward<Args>(args)...);                               \
    }                                                                                      \
  }
