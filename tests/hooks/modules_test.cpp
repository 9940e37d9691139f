// What needs modules of LibTorch's frontend: that a watched model stays as it is, recomputation, and hooks bypassed.
#include <torch/autograd.h>
#include <torch/nn.h>
#include <torch/serialize.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/hookable.hpp>
#include <infoplane/hooks/watch.hpp>
#include <sstream>

#include "hooks/blocks.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::ContainsSubstring;
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;
using infoplane::hooks::WatchOptions;

namespace {

namespace nn = torch::nn;
using Names = std::vector<std::string>;
using Streams = std::vector<std::pair<std::string, at::Tensor>>;
using HookedBlock = infoplane::hooks::Hookable<BlockImpl>;

infoplane::hooks::Capture keep(Streams& streams) {
  return [&streams](const Site& site, const at::Tensor& x) { streams.emplace_back(site.name, x.clone()); };
}

/// Everything that another could see of a model.
struct Snapshot {
  explicit Snapshot(const nn::Module& module) {
    torch::serialize::OutputArchive archive;
    module.save(archive);
    std::ostringstream stream;
    archive.save_to(stream);
    bytes = stream.str();
    for (const auto& item : module.named_modules("", false)) {
      modules.push_back(item.key() + ' ' + item.value()->name());
    }
    for (const auto& item : module.named_parameters()) {
      tensors.push_back(item.key());
      versions.push_back(item.value()._version());
      addresses.push_back(item.value().unsafeGetTensorImpl());
    }
    for (const auto& item : module.named_buffers()) {
      tensors.push_back(item.key());
    }
  }
  bool operator==(const Snapshot&) const = default;

  std::string bytes;
  Names modules, tensors;
  std::vector<int64_t> versions;
  std::vector<const void*> addresses;
};

/// Post-norm, [B, T, C].
struct PostNormImpl : nn::Module {
  PostNormImpl()
      : attention(register_module("attn", Attention())),
        mlp(register_module("mlp", Mlp())),
        ln1(register_module("ln1", nn::LayerNorm(nn::LayerNormOptions({kWidth})))),
        ln2(register_module("ln2", nn::LayerNorm(nn::LayerNormOptions({kWidth})))) {}
  at::Tensor forward(const at::Tensor& x) {
    const auto y = ln1(x + attention(x));
    return ln2(y + mlp(y));
  }
  Attention attention;
  Mlp mlp;
  nn::LayerNorm ln1, ln2;
};

using Step = std::function<at::Tensor(const at::Tensor&)>;

/// Recomputes a step in the backward.
struct Checkpoint : torch::autograd::Function<Checkpoint> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, int64_t step) {
    context->save_for_backward({x});
    context->saved_data["step"] = step;
    const at::NoGradGuard no_grad;
    return (*reinterpret_cast<const Step*>(step))(x);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const at::AutoGradMode with_grad(true);
    const auto x = context->get_saved_variables()[0].detach().requires_grad_();
    const auto y = (*reinterpret_cast<const Step*>(context->saved_data["step"].toInt()))(x);
    torch::autograd::backward({y}, {gradients[0]});
    return {x.grad(), at::Tensor()};
  }
};

enum class Kind { kWatched, kTap, kTapNumbered, kOutput, kPostNorm };

struct Net : nn::Module {
  explicit Net(Kind kind)
      : embed(register_module("embed", nn::Embedding(kVocabulary, kWidth))),
        list(register_module("blocks", nn::ModuleList())),
        head(register_module("head", nn::Linear(kWidth, kVocabulary))) {
    if (kind != Kind::kPostNorm) {
      norm = register_module("norm", nn::LayerNorm(nn::LayerNormOptions({kWidth})));
    }
    for (int i = 0; i < 3; ++i) {
      add_block(kind, i);
    }
  }

  at::Tensor end(const at::Tensor& x) { return head(norm ? norm(x) : x); }

  Streams truth(const at::Tensor& tokens) {
    const at::NoGradGuard no_grad;
    Streams streams = {{"embedding", embed(tokens)}};
    for (std::size_t i = 0; i < steps.size(); ++i) {
      streams.emplace_back("blocks." + std::to_string(i), steps[i](streams.back().second));
    }
    return streams;
  }

  nn::Embedding embed;
  nn::ModuleList list;
  nn::LayerNorm norm{nullptr};
  nn::Linear head;
  std::vector<Step> steps;

 private:
  void add_block(Kind kind, int number) {
    const auto name = "blocks." + std::to_string(number);
    if (kind == Kind::kPostNorm) {
      const auto block = std::make_shared<PostNormImpl>();
      list->push_back(block);
      steps.emplace_back([block](const at::Tensor& x) { return block->forward(x); });
      return;
    }
    const auto block = std::make_shared<HookedBlock>();
    list->push_back(block);
    if (kind == Kind::kOutput) {
      block->register_forward_hook(infoplane::hooks::tap_output(name));
    }
    steps.emplace_back([block, kind, name](const at::Tensor& x) {
      const auto y = block->forward(x);
      return kind == Kind::kTap           ? infoplane::tap(name, y)
             : kind == Kind::kTapNumbered ? infoplane::tap("blocks", y)
                                          : y;
    });
  }
};

void train_with_function(Net& net, const at::Tensor& tokens) {
  auto x = net.embed(tokens);
  for (const auto& step : net.steps) {
    x = Checkpoint::apply(x, reinterpret_cast<int64_t>(&step));
  }
  loss_of(net.end(x), tokens).backward();
}

/// The same with nothing but tensors: each block again, from the last to the first, outside of any backward.
void train_by_hand(Net& net, const at::Tensor& tokens) {
  std::vector<at::Tensor> inputs;
  at::Tensor x;
  {
    const at::NoGradGuard no_grad;
    x = net.embed(tokens);
    for (const auto& step : net.steps) {
      inputs.push_back(x);
      x = step(x);
    }
  }
  x.requires_grad_();
  loss_of(net.end(x), tokens).backward();
  auto gradient = x.grad();
  for (std::size_t i = inputs.size(); i-- > 0;) {
    const auto input = inputs[i].detach().requires_grad_();
    net.steps[i](input).backward(gradient);
    gradient = input.grad();
  }
  net.embed(tokens).backward(gradient);
}

void require_once(Kind kind, void (*train)(Net&, const at::Tensor&)) {
  Net net(kind);
  Watcher watcher(net);
  for (int pass = 0; pass < 3; ++pass) {
    const auto tokens = make_tokens(2, 5, pass);
    const auto truth = net.truth(tokens);
    Streams streams;
    auto scope = watcher.observe(keep(streams));
    train(net, tokens);
    scope.finish();
    INFO("kind " << static_cast<int>(kind) << ", pass " << pass << '\n' << watcher.describe());
    REQUIRE(streams.size() == truth.size());
    for (std::size_t i = 0; i < truth.size(); ++i) {
      REQUIRE(streams[i].first == truth[i].first);
      REQUIRE(at::equal(streams[i].second, truth[i].second));
    }
    REQUIRE(watcher.sites().size() == truth.size());
    REQUIRE_NOTHROW(watcher.verify());
  }
}

constexpr Kind kAll[] = {Kind::kWatched, Kind::kTap, Kind::kTapNumbered, Kind::kOutput, Kind::kPostNorm};

}  // namespace

TEST_CASE("a recomputed block counts once: watched, tapped inside, as a module's output, post-norm", "[scope]") {
  for (const auto kind : kAll) {
    require_once(kind, train_with_function);
  }
}

TEST_CASE("blocks recomputed by hand, without an autograd function, count once", "[scope]") {
  for (const auto kind : kAll) {
    require_once(kind, train_by_hand);
  }
}

TEST_CASE("the model is the same before, inside and after a watch", "[watch]") {
  Net net(Kind::kWatched);
  net.register_buffer("mask", at::ones({3}));
  const Snapshot before(net);
  const auto& weight = net.head->weight;
  const auto references = weight.use_count();
  {
    Watcher watcher(net, WatchOptions().sites({"**"}));
    REQUIRE(Snapshot(net) == before);
    REQUIRE(weight.use_count() == references + 1);  // by identity, so that its address stays its own
    for (int pass = 0; pass < 2; ++pass) {
      Streams streams;
      auto scope = watcher.observe(keep(streams));
      train_with_function(net, make_tokens());
      REQUIRE(streams.size() >= 4);
      REQUIRE(Snapshot(net) == before);
      scope.finish();
      REQUIRE(Snapshot(net) == before);
      REQUIRE(weight.use_count() == references + 1);
    }
    watcher.rescan();
    REQUIRE(weight.use_count() == references + 1);
  }
  REQUIRE(weight.use_count() == references);
  REQUIRE(Snapshot(net) == before);
}

TEST_CASE("a Hookable that is called through its Impl is silent, and verify says why", "[watch]") {
  nn::ModuleList list;
  for (const auto* name : {"blocks.0", "blocks.1"}) {
    auto block = std::make_shared<HookedBlock>();
    block->register_forward_hook(infoplane::hooks::tap_output(name));
    list->push_back(block);
  }
  const auto text_of = [](const Watcher& watcher) -> std::string {
    try {
      watcher.verify();
    } catch (const infoplane::SiteError& error) {
      return error.what();
    }
    return "";
  };
  Watcher watcher(WatchOptions().sites({"blocks.0", "blocks.1"}));
  const auto x = at::ones({2, 5, kWidth});
  auto scope = watcher.observe({});
  list[0]->as<HookedBlock>()->forward(x);
  list[1]->as<BlockImpl>()->forward(x);
  scope.finish();
  const auto text = text_of(watcher);
  REQUIRE_THAT(text, ContainsSubstring("pattern \"blocks.1\": no site and no norm has such a name"));
  REQUIRE_THAT(text, !ContainsSubstring("pattern \"blocks.0\""));
  REQUIRE_THAT(text, ContainsSubstring("shared_ptr<BlockImpl> or as<BlockImpl>() bypasses Hookable"));
  auto again = watcher.observe({});
  list[1]->as<HookedBlock>()->forward(x);
  again.finish();
  REQUIRE(text_of(watcher).empty());
}
