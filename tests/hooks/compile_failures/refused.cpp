// Compiled by a test that expects each of these to be refused with the sentence of its case.
#include <infoplane/hooks/hookable.hpp>

struct FinalImpl final : torch::nn::Module {
  at::Tensor forward(at::Tensor x) { return x; }
};

struct OverloadedImpl : torch::nn::Module {
  at::Tensor forward(at::Tensor x) { return x; }
  at::Tensor forward(at::Tensor x, at::Tensor /*mask*/) { return x; }
};

struct TemplateImpl : torch::nn::Module {
  template <typename T>
  T forward(T x) {
    return x;
  }
};

struct VoidImpl : torch::nn::Module {
  void forward(at::Tensor /*x*/) {}
};

struct ReferenceImpl : torch::nn::Module {
  at::Tensor& forward(at::Tensor& x) { return x; }
};

struct StaticImpl : torch::nn::Module {
  static at::Tensor forward(at::Tensor x) { return x; }
};

struct TemporaryImpl : torch::nn::Module {
  at::Tensor forward(at::Tensor x) && { return x; }
};

struct EightImpl : torch::nn::Module {
  at::Tensor forward(at::Tensor x, int, int, int, int, int, int, int) { return x; }
};

struct CountImpl : torch::nn::Module {
  std::pair<int, at::Tensor> forward(at::Tensor x) { return {1, x}; }
};

struct FlagImpl : torch::nn::Module {
  at::Tensor forward(at::Tensor x, bool /*causal*/ = true) { return x; }
};

struct PairImpl : torch::nn::Module {
  at::Tensor forward(at::Tensor x, at::Tensor /*y*/) { return x; }
};

#if defined(CASE_FINAL)
using Case = infoplane::hooks::Hookable<FinalImpl>;
#elif defined(CASE_OVERLOADED)
using Case = infoplane::hooks::Hookable<OverloadedImpl>;
#elif defined(CASE_TEMPLATE)
using Case = infoplane::hooks::Hookable<TemplateImpl>;
#elif defined(CASE_VOID)
using Case = infoplane::hooks::Hookable<VoidImpl>;
#elif defined(CASE_REFERENCE)
using Case = infoplane::hooks::Hookable<ReferenceImpl>;
#elif defined(CASE_STATIC)
using Case = infoplane::hooks::Hookable<StaticImpl>;
#elif defined(CASE_TEMPORARY)
using Case = infoplane::hooks::Hookable<TemporaryImpl>;
#elif defined(CASE_EIGHT)
using Case = infoplane::hooks::Hookable<EightImpl>;
#elif defined(CASE_COUNT)
using Case = infoplane::hooks::Hookable<CountImpl>;
#elif defined(CASE_FLAG)
using Case = infoplane::hooks::Hookable<FlagImpl>;
#else
using Case = infoplane::hooks::Hookable<PairImpl>;
#endif

auto call(Case& module, const at::Tensor& x) {
#if defined(CASE_COUNT)
  module.register_forward_hook(infoplane::hooks::tap_output("blocks.0"));
#endif
#if defined(CASE_NONE)
  return module.forward(x, x);
#else
  return module.forward(x);
#endif
}
