#include <infoplane/hooks/hookable.hpp>

#include <torch/nn.h>
#include <torch/serialize.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/watch.hpp>
#include <mutex>
#include <sstream>

namespace nn = torch::nn;
using infoplane::hooks::Hookable;
using torch::Tensor;

namespace {

struct ScaleImpl : nn::Cloneable<ScaleImpl> {
  explicit ScaleImpl(double factor_ = 2) : factor(factor_) { reset(); }
  void reset() override {
    weight = register_parameter("weight", torch::full({3}, factor));
    inner = register_module("inner", nn::Linear(3, 3));
  }
  Tensor forward(const Tensor& x) { return x * weight; }
  double factor;
  Tensor weight;
  nn::Linear inner{nullptr};
};
using PlainScale = nn::ModuleHolder<ScaleImpl>;
INFOPLANE_MODULE(Scale);

struct AffineImpl : nn::Module {
  std::pair<Tensor, Tensor> forward(Tensor x, std::optional<Tensor> shift = std::nullopt, double factor = 10) const {
    return {x * factor, shift.value_or(x)};
  }
};
INFOPLANE_MODULE(Affine);

struct InPlaceImpl : nn::Module {
  int forward(Tensor& x) {
    x.add_(1);
    x = x.clone();
    return 7;
  }
};

struct DefaultsImpl : nn::Module {
  Tensor forward(const Tensor& x, const Tensor& y = torch::ones({3})) { return x + y; }

 protected:
  FORWARD_HAS_DEFAULT_ARGS({1, nn::AnyValue(torch::ones({3}))})
};
INFOPLANE_MODULE(Defaults);

struct VectorImpl : nn::Module {
  std::tuple<Tensor, std::vector<Tensor>> forward(std::vector<Tensor> xs) { return {xs.at(0), xs}; }
};

Tensor ones() { return torch::ones({2, 3}); }
bool is(const Tensor& x, double value) { return torch::equal(x, torch::full_like(x, value)); }

}  // namespace

TEST_CASE("a result hook sees module, inputs and output and may replace it", "[hookable]") {
  Scale scale(3.);
  int calls = 0;
  auto handle = scale->register_forward_hook([&](ScaleImpl& module, const auto& inputs, const Tensor& output) {
    ++calls;
    REQUIRE(&module == scale.get());
    REQUIRE(is(std::get<0>(inputs), 1));
    REQUIRE(is(output, 3));
  });
  REQUIRE(is(scale(ones()), 3));
  REQUIRE(is(scale->forward(ones()), 3));
  scale->register_forward_hook([](auto&, const auto&, const Tensor& output) { return output + 1; });
  scale->register_forward_hook([](auto&, const auto&, const Tensor& output) { return std::optional(output * 2); });
  REQUIRE(is(scale(ones()), 8));
  REQUIRE(calls == 3);
  handle.remove();
  handle.remove();
  REQUIRE(is(scale(ones()), 8));
  REQUIRE(calls == 3);
}

TEST_CASE("a pre-hook may replace the inputs, and result hooks see what went in", "[hookable]") {
  Scale scale;
  scale->register_forward_pre_hook([](auto&, const auto& inputs) { return std::get<0>(inputs) + 1; });
  scale->register_forward_pre_hook([](auto&, const auto& inputs) { return std::make_tuple(std::get<0>(inputs) * 5); });
  double seen = 0;
  scale->register_forward_hook(
      [&](auto&, const auto& inputs, const Tensor&) { seen = std::get<0>(inputs)[0][0].template item<double>(); });
  REQUIRE(is(scale(ones()), 20));
  REQUIRE(seen == 10);
}

TEST_CASE("hooks run in the order of registration, prepended ones first", "[hookable]") {
  Scale scale;
  std::string order;
  const auto mark = [&](char name) { return [&order, name](auto&&...) { order += name; }; };
  scale->register_forward_hook(mark('b'));
  scale->register_forward_hook(mark('c'));
  scale->register_forward_hook(mark('a'), true);
  scale->register_forward_pre_hook(mark('1'));
  scale->register_forward_pre_hook(mark('0'), true);
  scale(ones());
  REQUIRE(order == "01abc");
}

TEST_CASE("hooks may be removed and registered in a hook; both take effect with the next list of calls", "[hookable]") {
  Scale scale;
  std::string order;
  infoplane::hooks::HookHandle second;
  auto first = scale->register_forward_hook([&](auto&&...) {
    order += '1';
    second.remove();
    if (order.size() == 1) {
      scale->register_forward_hook([&](auto&&...) { order += '3'; });
    }
  });
  second = scale->register_forward_hook([&](auto&&...) { order += '2'; });
  scale(ones());
  REQUIRE(order == "12");
  scale(ones());
  REQUIRE(order == "1213");
  scale->register_forward_pre_hook([&](auto&&...) { first.remove(); });
  scale(ones());
  REQUIRE(order == "12133");
}

TEST_CASE("a hook that throws leaves forward, and the module works on", "[hookable]") {
  Scale scale;
  int later = 0;
  auto handle = scale->register_forward_hook([](auto&&...) { throw std::runtime_error("no"); });
  scale->register_forward_hook([&](auto&&...) { ++later; });
  REQUIRE_THROWS_AS(scale(ones()), std::runtime_error);
  REQUIRE(later == 0);
  handle.remove();
  REQUIRE(is(scale(ones()), 2));
  REQUIRE(later == 1);
  {
    Scale gone;
    handle = gone->register_forward_hook([](auto&&...) {});
  }
  REQUIRE_NOTHROW(handle.remove());
}

TEST_CASE("a pre-hook that throws stops the forward before it begins, and the module works on", "[hookable]") {
  Scale scale;
  int later = 0;
  auto handle = scale->register_forward_pre_hook([](auto&&...) { throw std::runtime_error("no"); });
  scale->register_forward_pre_hook([&](auto&&...) { ++later; });
  scale->register_forward_hook([&](auto&&...) { ++later; });
  REQUIRE_THROWS_AS(scale(ones()), std::runtime_error);
  REQUIRE_THROWS_AS(scale->forward(ones()), std::runtime_error);
  REQUIRE(later == 0);
  handle.remove();
  REQUIRE(is(scale(ones()), 2));
  REQUIRE(later == 2);
}

TEST_CASE("a hook keeps its state while others come and go", "[hookable]") {
  Scale scale;
  int result = 0;
  int input = 0;
  scale->register_forward_hook([&, calls = 0](auto&&...) mutable {
    auto other = scale->register_forward_hook([](auto&&...) {});
    result = ++calls;  // in the function that runs, not in a copy of it
    other.remove();
  });
  scale->register_forward_pre_hook([&, calls = 0](auto&&...) mutable {
    input = ++calls;
    scale->register_forward_pre_hook([](auto&&...) {}, true);
  });
  for (int call = 1; call <= 3; ++call) {
    scale(ones());
    REQUIRE(result == call);
    REQUIRE(input == call);
  }
}

namespace {

/// What `TORCH_MODULE` takes, and no copy constructor does.
struct GuardedImpl : nn::Module {
  Tensor forward(const Tensor& x) {
    const std::lock_guard lock(mutex);
    return x * *factor;
  }
  std::mutex mutex;
  std::unique_ptr<double> factor = std::make_unique<double>(3);
  std::vector<std::unique_ptr<double>> others;
};
using PlainGuarded = nn::ModuleHolder<GuardedImpl>;
INFOPLANE_MODULE(Guarded);

struct OwnCloneImpl : nn::Module {
  Tensor forward(const Tensor& x) { return x; }
  std::shared_ptr<nn::Module> clone(const std::optional<torch::Device>&) const override {
    return std::make_shared<OwnCloneImpl>();
  }
  std::unique_ptr<double> factor;
};

struct VectorOfUniqueImpl : nn::Module {  // says that it can be copied, and cannot
  Tensor forward(const Tensor& x) { return x; }
  std::vector<std::unique_ptr<double>> others;
};

}  // namespace

TEST_CASE("an Impl that cannot be copied has hooks too", "[hookable]") {
  Guarded guarded;
  guarded->register_forward_hook([](auto&, const auto&, const Tensor& output) { return output + 1; });
  REQUIRE(is(guarded(ones()), 4));
  REQUIRE(is(nn::Sequential(guarded)->forward(ones()), 4));
  REQUIRE_THROWS_MATCHES(guarded->clone(), c10::Error,
                         Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring("clone()")));
  REQUIRE(is(Hookable<VectorOfUniqueImpl>().forward(ones()), 1));

  const Hookable<OwnCloneImpl> own;
  REQUIRE_THROWS_MATCHES(own.clone({}), infoplane::StateError,
                         Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring(
                             "a clone with hooks is made by its copy constructor, and it has none")));
}

TEST_CASE("every signature keeps its arguments and defaults", "[hookable]") {
  Affine affine;
  int calls = 0;
  REQUIRE(is(affine(ones()).first, 10));
  affine->register_forward_hook([&](const AffineImpl&, const auto& inputs, const std::pair<Tensor, Tensor>&) {
    ++calls;
    REQUIRE(std::tuple_size_v<std::decay_t<decltype(inputs)>> == 3);
  });
  REQUIRE(is(affine(ones()).first, 10));
  REQUIRE(is(affine(ones(), torch::zeros({1})).second, 0));
  REQUIRE(is(affine->forward(ones(), torch::zeros({1}), 4.).first, 4));
  REQUIRE(calls == 3);

  Defaults defaults;
  REQUIRE(is(defaults->forward(ones()), 2));
  defaults->register_forward_pre_hook(
      [](auto&, const auto& inputs) { return std::make_tuple(std::get<0>(inputs) * 3, std::get<1>(inputs)); });
  REQUIRE(is(defaults->forward(ones()), 4));
  REQUIRE(is(defaults->forward(defaults->forward(ones()), ones()), 13));
  REQUIRE(is(nn::Sequential(defaults)->forward(ones()), 4));

  Hookable<InPlaceImpl> in_place;
  in_place.register_forward_hook([](auto&&...) { return 8; });
  auto x = torch::zeros({2});
  const auto before = x;
  REQUIRE(in_place.forward(x) == 8);
  REQUIRE(is(x, 1));
  REQUIRE_FALSE(x.is_same(before));  // the reference itself reached the forward

  Hookable<VectorImpl> vector;
  vector.register_forward_pre_hook([](auto&, const auto&) { return std::make_tuple(std::vector<Tensor>(2, ones())); });
  REQUIRE(std::get<1>(vector.forward({torch::zeros({1})})).size() == 2);
}

TEST_CASE("containers, holders and values run the hooks", "[hookable]") {
  int calls = 0;
  const auto count = [&](auto&&...) { ++calls; };
  Scale scale;
  scale->register_forward_hook(count);
  nn::Sequential sequential(scale, nn::Identity());
  REQUIRE(is(sequential->forward(ones()), 2));
  nn::AnyModule any(scale);
  REQUIRE(is(any.forward(ones()), 2));
  nn::ModuleList list(scale);
  REQUIRE(is(list[0]->as<Hookable<ScaleImpl>>()->forward(ones()), 2));
  nn::ModuleDict dict(std::vector<std::pair<std::string, std::shared_ptr<nn::Module>>>{{"scale", scale.ptr()}});
  REQUIRE(is(dict["scale"]->as<Scale>()->forward(ones()), 2));
  REQUIRE(calls == 4);
  Hookable<ScaleImpl> value(2.);
  value.register_forward_hook(count);
  auto copy = value;  // hooks belong to the original
  copy.forward(ones());
  REQUIRE(calls == 4);
  value.forward(ones());
  REQUIRE(calls == 5);
  list[0]->as<ScaleImpl>()->forward(ones());  // the documented bypass
  REQUIRE(calls == 5);
}

TEST_CASE("archives, names, printing, clone and to are those of the Impl", "[hookable]") {
  Scale hooked(5.);
  PlainScale plain(5.);
  REQUIRE(hooked->name() == plain->name());
  std::ostringstream printed_hooked;
  std::ostringstream printed_plain;
  printed_hooked << *hooked;
  printed_plain << *plain;
  REQUIRE(printed_hooked.str() == printed_plain.str());
  REQUIRE(hooked->named_parameters().keys() == plain->named_parameters().keys());

  {
    torch::NoGradGuard no_grad;
    for (const auto& parameter : plain->named_parameters()) {
      hooked->named_parameters()[parameter.key()].copy_(parameter.value());
    }
  }
  std::stringstream archive;
  torch::save(hooked, archive);
  PlainScale loaded(1.);
  torch::load(loaded, archive);
  REQUIRE(torch::equal(loaded->weight, plain->weight));
  REQUIRE(torch::equal(loaded->inner->weight, plain->inner->weight));

  hooked->register_forward_hook([](auto&, const auto&, const Tensor& output) { return output + 1; });
  const auto copy = std::dynamic_pointer_cast<Hookable<ScaleImpl>>(hooked->clone());
  REQUIRE(copy != nullptr);
  REQUIRE_FALSE(copy->weight.is_same(hooked->weight));
  REQUIRE(copy->named_parameters()["weight"].is_same(copy->weight));
  REQUIRE(is(copy->forward(ones()), 5));
  REQUIRE(is(hooked(ones()), 6));
  hooked->to(torch::kDouble);
  REQUIRE(hooked(ones().to(torch::kDouble)).scalar_type() == torch::kDouble);
}

TEST_CASE("a watcher takes a module, a holder or a pointer", "[hookable]") {
  struct Net : nn::Module {
    Net() { list = register_module("blocks", nn::ModuleList(nn::LayerNorm(nn::LayerNormOptions({3})))); }
    nn::ModuleList list{nullptr};
  };
  const auto pointer = std::make_shared<Net>();
  Scale holder;
  REQUIRE_NOTHROW(infoplane::hooks::Watcher(*pointer));
  REQUIRE_NOTHROW(infoplane::hooks::Watcher(pointer));
  REQUIRE_NOTHROW(infoplane::hooks::Watcher(holder));
  REQUIRE_NOTHROW(infoplane::watch(holder, {"**"}));
  REQUIRE(infoplane::watch(std::make_unique<Net>()).sites().empty());
}

TEST_CASE("a module's output is a site", "[hookable]") {
  Scale scale;
  scale->register_forward_hook(infoplane::hooks::tap_output("blocks.0"));
  infoplane::hooks::Watcher watcher;
  int captures = 0;
  scale(ones());
  auto scope = watcher.observe([&](const infoplane::hooks::Site& site, const Tensor& output) {
    ++captures;
    REQUIRE(site.name == "blocks.0");
    REQUIRE(site.kind == infoplane::hooks::SiteKind::kModuleOutput);
    REQUIRE(is(output, 2));
  });
  scale(ones());
  scope.finish();
  REQUIRE(captures == 1);
}
