// One model, seen by `watch`, by `tap` and through `Hookable`: the same sites, whichever source saw them.
#include <infoplane/hooks/hookable.hpp>
#include <infoplane/hooks/watch.hpp>

#include "hooks/zoo/zoo.hpp"

using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::hooks::Site;
using infoplane::hooks::SiteKind;
using infoplane::hooks::Watcher;
using infoplane::hooks::WatchOptions;

namespace {

using infoplane::testing::BlockImpl;
using nn::EmbeddingImpl;
INFOPLANE_MODULE(Embedding);
INFOPLANE_MODULE(Block);

struct Sources {
  bool watch = false, taps = false, hooks = false;
};

struct Net : nn::Module {
  explicit Net(Sources sources_) : sources(sources_) {
    torch::manual_seed(5);
    embed = register_module("embed", Embedding(kVocabulary, kWidth));
    blocks = register_module("blocks", nn::ModuleList(Block(), Block(), Block()));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
    if (sources.hooks) {
      embed->register_forward_hook(infoplane::hooks::tap_output("embedding"));
      for (std::size_t i = 0; i < blocks->size(); ++i) {
        const auto hook = infoplane::hooks::tap_output(numbered("blocks.", static_cast<int64_t>(i)));
        blocks[i]->as<Block>()->register_forward_hook(hook);
      }
    }
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    if (sources.taps) {
      x = infoplane::tap("embedding", x);
    }
    for (const auto& block : *blocks) {
      x = block->as<Block>()->forward(x);
      if (sources.taps) {
        x = infoplane::tap("blocks", x);
      }
    }
    return head(norm(x));
  }
  Sources sources;
  Embedding embed{nullptr};
  nn::ModuleList blocks{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

constexpr Sources kWatch{.watch = true};
constexpr Sources kTaps{.taps = true};
constexpr Sources kHooks{.hooks = true};
constexpr Sources kAll{.watch = true, .taps = true, .hooks = true};

struct Seen {
  std::vector<std::string> names;
  std::vector<int> indices;
  std::vector<SiteKind> kinds;
  std::vector<Tensor> streams;
};

/// Two passes, the first of which learns; what the second saw. Without `watch`, the watcher knows no module.
Seen seen_by(Sources sources) {
  Net model(sources);
  auto watcher = sources.watch ? Watcher(model) : Watcher();
  Seen seen;
  for (int pass = 0; pass < 2; ++pass) {
    seen = {};
    auto scope = watcher.observe([&](const Site& site, const Tensor& stream) {
      seen.names.push_back(site.name);
      seen.indices.push_back(site.index);
      seen.kinds.push_back(site.kind);
      seen.streams.push_back(stream.clone());
    });
    model.forward(batch(0).first);
    scope.finish();
    REQUIRE_NOTHROW(watcher.verify());
    std::vector<std::string> sites;
    std::vector<SiteKind> kinds;
    for (const auto& site : watcher.sites()) {
      sites.push_back(site.name);
      kinds.push_back(site.kind);
    }
    REQUIRE(sites == seen.names);
    REQUIRE((kinds == seen.kinds));
  }
  return seen;
}

infoplane::plane::Point point_by(Sources sources) {
  Net model(sources);
  const auto options = MonitorOptions().every(1);
  auto monitor = sources.watch ? Monitor(model, options) : Monitor(options);
  const auto [inputs, targets] = batch(0);
  auto observation = monitor.observe(0, inputs, targets);
  const auto loss = loss_of(model.forward(inputs), targets);
  auto point = monitor.end_step(0, loss);
  REQUIRE(point.has_value());
  return std::move(*point);
}

void require_equal(const infoplane::plane::Metrics& metrics, const infoplane::plane::Metrics& expected) {
  REQUIRE(metrics.size() == expected.size());
  for (const auto& [key, value] : expected) {
    INFO(key);
    REQUIRE((metrics.at(key) == value || (std::isnan(metrics.at(key)) && std::isnan(value))));
  }
}

}  // namespace

TEST_CASE("watch, tap and Hookable give the same names, order, indices and tensors", "[sources]") {
  const auto watched = seen_by(kWatch);
  REQUIRE(watched.names == std::vector<std::string>{"embedding", "blocks.0", "blocks.1", "blocks.2"});
  REQUIRE(watched.indices == std::vector<int>{-1, 0, 1, 2});
  REQUIRE((watched.kinds == std::vector<SiteKind>(4, SiteKind::kNormInput)));
  for (const auto& [sources, kind] : {std::pair{kTaps, SiteKind::kTap}, {kHooks, SiteKind::kModuleOutput}}) {
    const auto seen = seen_by(sources);
    REQUIRE(seen.names == watched.names);
    REQUIRE(seen.indices == watched.indices);
    REQUIRE((seen.kinds == std::vector<SiteKind>(4, kind)));
    for (std::size_t i = 0; i < 4; ++i) {
      REQUIRE(at::equal(seen.streams[i], watched.streams[i]));
    }
  }
}

TEST_CASE("all three sources at once are one site each, and the first to see it counts", "[sources]") {
  const auto watched = seen_by(kWatch);
  const auto seen = seen_by(kAll);
  REQUIRE(seen.names == watched.names);
  REQUIRE(seen.indices == watched.indices);
  REQUIRE((seen.kinds == std::vector<SiteKind>(4, SiteKind::kModuleOutput)));
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(at::equal(seen.streams[i], watched.streams[i]));
  }
}

TEST_CASE("a monitor's point is the same from every source", "[sources]") {
  const auto expected = point_by(kWatch);
  REQUIRE(expected.layers.size() == 4);
  REQUIRE(expected.layers[1].metrics.at("I(X;Z)/input_unigram") > 0);
  for (const auto sources : {kTaps, kHooks, kAll}) {
    const auto point = point_by(sources);
    REQUIRE(point.layers.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      REQUIRE(point.layers[i].name == expected.layers[i].name);
      require_equal(point.layers[i].metrics, expected.layers[i].metrics);
    }
    require_equal(point.mean, expected.mean);
    REQUIRE(point.loss == expected.loss);
    REQUIRE(point.tokens == expected.tokens);
  }
}

namespace {

/// Returns its tensor inside `Result`.
template <typename Result>
struct WrapImpl : nn::Module {
  Result forward(const Tensor& x) { return wrap(x, static_cast<Result*>(nullptr)); }

 private:
  using Nested = std::tuple<std::optional<Tensor>, int>;
  static Tensor wrap(const Tensor& x, Tensor*) { return x; }
  static std::pair<Tensor, int> wrap(const Tensor& x, std::pair<Tensor, int>*) { return {x, 1}; }
  static std::tuple<Tensor, Tensor, int> wrap(const Tensor& x, std::tuple<Tensor, Tensor, int>*) {
    return {x, x + 1, 1};
  }
  static std::vector<Tensor> wrap(const Tensor& x, std::vector<Tensor>*) { return {x, x + 1}; }
  static std::optional<Tensor> wrap(const Tensor& x, std::optional<Tensor>*) { return x; }
  static Nested wrap(const Tensor& x, Nested*) { return {x, 1}; }
};

template <typename Result>
void require_first_tensor() {
  infoplane::hooks::Hookable<WrapImpl<Result>> module;
  module.register_forward_hook(infoplane::hooks::tap_output("blocks.0"));
  const auto x = torch::rand({2, 3});
  Watcher watcher;
  int captures = 0;
  auto scope = watcher.observe([&](const Site& site, const Tensor& stream) {
    ++captures;
    REQUIRE(site.name == "blocks.0");
    REQUIRE(site.kind == SiteKind::kModuleOutput);
    REQUIRE(at::equal(stream, x));
  });
  module.forward(x);
  scope.finish();
  REQUIRE(captures == 1);
}

struct NothingImpl : nn::Module {
  std::tuple<std::optional<Tensor>, std::vector<Tensor>> forward(const Tensor&) { return {}; }
};

}  // namespace

TEST_CASE("a hook on a pair, tuple, vector or optional hands over its first tensor", "[sources]") {
  require_first_tensor<Tensor>();
  require_first_tensor<std::pair<Tensor, int>>();
  require_first_tensor<std::tuple<Tensor, Tensor, int>>();
  require_first_tensor<std::vector<Tensor>>();
  require_first_tensor<std::optional<Tensor>>();
  require_first_tensor<std::tuple<std::optional<Tensor>, int>>();

  infoplane::hooks::Hookable<NothingImpl> nothing;
  nothing.register_forward_hook(infoplane::hooks::tap_output("blocks.0"));
  Watcher watcher;
  auto scope = watcher.observe([](const Site&, const Tensor&) { FAIL("there is no tensor"); });
  REQUIRE_FALSE(std::get<0>(nothing.forward(torch::rand({2}))).has_value());
  scope.finish();
  REQUIRE(watcher.sites().empty());
}
