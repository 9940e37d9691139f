// Hookable in everything that can hold a module, side by side with the module that it hooks.
#include <infoplane/hooks/hookable.hpp>

#include <torch/serialize.h>
#include <sstream>

#include "hooks/zoo/zoo.hpp"

using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
using infoplane::hooks::Hookable;

namespace {

struct ScaleImpl : nn::Cloneable<ScaleImpl> {
  ScaleImpl() { reset(); }
  void reset() override {
    weight = register_parameter("weight", torch::linspace(1, 2, kWidth));
    counter = register_buffer("counter", torch::zeros({1}));
    inner = register_module("inner", nn::Linear(kWidth, kWidth));
    const torch::NoGradGuard no_grad;
    inner->weight.fill_(0.5);
    inner->bias.zero_();
  }
  Tensor forward(const Tensor& x) { return inner(x * weight); }
  Tensor weight, counter;
  nn::Linear inner{nullptr};
};
using PlainScale = nn::ModuleHolder<ScaleImpl>;
INFOPLANE_MODULE(Scale);

std::string archive_of(const nn::Module& module) {
  torch::serialize::OutputArchive archive;
  module.save(archive);
  std::ostringstream bytes;
  archive.save_to(bytes);
  return bytes.str();
}

/// The structure with plain modules, with hooked ones, and the hooked module inside.
struct Twins {
  const char* held_in;
  std::shared_ptr<nn::Module> plain, hooked;
  std::function<Tensor(nn::Module&, const Tensor&)> forward;  // of the hooked structure or a copy of it
};

Twins in_tree(const char* name, std::shared_ptr<nn::Module> plain, std::shared_ptr<nn::Module> hooked) {
  return {name, std::move(plain), std::move(hooked),
          [](nn::Module& module, const Tensor& x) { return module.as<Hookable<ScaleImpl>>()->forward(x); }};
}

std::vector<Twins> twins() {
  using Named = std::vector<std::pair<std::string, std::shared_ptr<nn::Module>>>;
  std::vector<Twins> all;
  const auto sequence = [](nn::Module& module, const Tensor& x) { return module.as<nn::Sequential>()->forward(x); };
  all.push_back({"Sequential of holders", nn::Sequential(PlainScale(), nn::ReLU()).ptr(),
                 nn::Sequential(Scale(), nn::ReLU()).ptr(), sequence});
  all.push_back({"Sequential of values", nn::Sequential(ScaleImpl()).ptr(), nn::Sequential(Hookable<ScaleImpl>()).ptr(),
                 sequence});
  all.push_back({"Sequential of shared_ptr", nn::Sequential(std::make_shared<ScaleImpl>()).ptr(),
                 nn::Sequential(std::make_shared<Hookable<ScaleImpl>>()).ptr(), sequence});
  all.push_back({"ModuleList", nn::ModuleList(PlainScale()).ptr(), nn::ModuleList(Scale()).ptr(),
                 [](nn::Module& module, const Tensor& x) {
                   return module.as<nn::ModuleList>()->ptr(0)->as<Scale>()->forward(x);
                 }});
  all.push_back({"ModuleDict", nn::ModuleDict(Named{{"scale", PlainScale().ptr()}}).ptr(),
                 nn::ModuleDict(Named{{"scale", Scale().ptr()}}).ptr(), [](nn::Module& module, const Tensor& x) {
                   return (*module.as<nn::ModuleDict>())["scale"]->as<Scale>()->forward(x);
                 }});
  all.push_back(in_tree("ModuleHolder", PlainScale().ptr(), Scale().ptr()));
  all.push_back(in_tree("AnyModule", nn::AnyModule(PlainScale()).ptr(), nn::AnyModule(Scale()).ptr()));
  all.push_back(in_tree("shared_ptr", std::make_shared<ScaleImpl>(), std::make_shared<Hookable<ScaleImpl>>()));
  return all;
}

Tensor input() { return torch::linspace(-1, 1, 2 * kWidth).view({2, kWidth}); }

/// Registers on each hooked module of a structure.
int register_everywhere(nn::Module& module, int& calls) {
  int found = 0;
  module.apply([&](nn::Module& child) {
    if (auto* scale = child.as<Hookable<ScaleImpl>>()) {
      ++found;
      scale->register_forward_hook([&calls](auto&&...) { ++calls; });
    }
  });
  return found;
}

}  // namespace

TEST_CASE("archives of every holder are byte-identical with and without hooks", "[hookable]") {
  for (auto& [held_in, plain, hooked, forward] : twins()) {
    INFO(held_in);
    int calls = 0;
    REQUIRE(register_everywhere(*hooked, calls) == 1);
    REQUIRE(hooked->named_parameters().keys() == plain->named_parameters().keys());
    REQUIRE(hooked->named_buffers().keys() == plain->named_buffers().keys());
    REQUIRE(hooked->named_modules().keys() == plain->named_modules().keys());
    REQUIRE(archive_of(*hooked) == archive_of(*plain));

    std::stringstream stream(archive_of(*plain));
    {
      const torch::NoGradGuard no_grad;
      for (auto& parameter : hooked->parameters()) {
        parameter.fill_(7);
      }
    }
    REQUIRE(archive_of(*hooked) != archive_of(*plain));
    torch::serialize::InputArchive archive;
    archive.load_from(stream);
    hooked->load(archive);
    REQUIRE(archive_of(*hooked) == archive_of(*plain));

    REQUIRE(forward(*hooked, input()).defined());
    REQUIRE(calls == 1);
  }
}

TEST_CASE("clone() and to() of every holder keep the hooked type, without the hooks", "[hookable]") {
  for (auto& [held_in, plain, hooked, forward] : twins()) {
    INFO(held_in);
    int calls = 0;
    register_everywhere(*hooked, calls);
    const auto copy = hooked->clone();
    REQUIRE(archive_of(*copy) == archive_of(*plain->clone()));
    const auto expected = forward(*hooked, input());
    REQUIRE(calls == 1);
    REQUIRE(at::equal(forward(*copy, input()), expected));
    REQUIRE(calls == 1);
    int calls_of_copy = 0;
    REQUIRE(register_everywhere(*copy, calls_of_copy) == 1);
    forward(*copy, input());
    REQUIRE(calls_of_copy == 1);
    REQUIRE(calls == 1);

    hooked->to(torch::kDouble);
    plain->to(torch::kDouble);
    REQUIRE(archive_of(*hooked) == archive_of(*plain));
    REQUIRE(forward(*hooked, input().to(torch::kDouble)).scalar_type() == torch::kDouble);
    REQUIRE(calls == 2);  // in place: the hooks stayed
  }
}

TEST_CASE("a Hookable by value is copied with its parameters, and registered as a child", "[hookable]") {
  Hookable<ScaleImpl> value;
  ScaleImpl plain;
  int calls = 0;
  value.register_forward_hook([&](auto&&...) { ++calls; });
  REQUIRE(archive_of(value) == archive_of(plain));
  TreeImpl tree;
  const auto child = tree.register_module("child", std::make_shared<Hookable<ScaleImpl>>(value));
  REQUIRE(tree.named_parameters().keys()[0] == "child.weight");
  child->forward(input());
  REQUIRE(calls == 0);
  REQUIRE(at::equal(value.forward(input()), plain.forward(input())));
  REQUIRE(calls == 1);
}

namespace {

struct DefaultsImpl : nn::Module {
  Tensor forward(const Tensor& x, const Tensor& mask = torch::ones({kWidth}),
                 const std::optional<Tensor>& bias = torch::ones({kWidth}), double scale = 3.0, bool negate = true) {
    return (x * mask + bias.value_or(torch::zeros({kWidth}))) * (negate ? -scale : scale);
  }

 protected:
  FORWARD_HAS_DEFAULT_ARGS({1, nn::AnyValue(torch::ones({kWidth}))},
                           {2, nn::AnyValue(std::optional<Tensor>(torch::ones({kWidth})))}, {3, nn::AnyValue(3.0)},
                           {4, nn::AnyValue(true)})
};
INFOPLANE_MODULE(Defaults);

}  // namespace

TEST_CASE("arguments that are left out keep the Impl's defaults, and hooks see empty ones", "[hookable]") {
  Defaults defaults;
  const auto x = input();
  const auto expected = (x + 1) * -3;
  REQUIRE(at::equal(defaults(x), expected));
  int calls = 0;
  auto empty = defaults->register_forward_pre_hook([&](auto&, const auto& inputs) {
    ++calls;
    REQUIRE_FALSE(std::get<1>(inputs).defined());
    REQUIRE_FALSE(std::get<2>(inputs).has_value());
    REQUIRE(std::get<3>(inputs) == 0.0);
    REQUIRE_FALSE(std::get<4>(inputs));
  });
  REQUIRE(at::equal(defaults(x), expected));
  auto doubling = defaults->register_forward_pre_hook([](auto&, auto inputs) {
    std::get<0>(inputs) = std::get<0>(inputs) * 2;
    std::get<3>(inputs) = 100.0;  // was left out, so it stays the default
    return inputs;
  });
  REQUIRE(at::equal(defaults(x), (x * 2 + 1) * -3));
  doubling.remove();
  empty.remove();
  REQUIRE(calls == 2);
  defaults->register_forward_pre_hook([&](auto&, const auto& inputs) {
    ++calls;
    REQUIRE(std::get<1>(inputs).defined());
    REQUIRE(std::get<3>(inputs) == 3.0);
  });
  REQUIRE(
      at::equal(nn::Sequential(defaults)->forward(x), expected));  // the container knows the defaults, and gives all
  REQUIRE(calls == 3);
}
