// Taps beside the watch: one site for one tensor, under the name that the tree has for it.
#include <infoplane/hooks/hookable.hpp>

#include "hooks/streams/streams.hpp"

using namespace infoplane::streams;  // NOLINT(google-build-using-namespace)
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::hooks::SiteKind;

namespace {

struct LayerImpl : nn::Module {
  explicit LayerImpl(bool is_post_norm_ = false) : is_post_norm(is_post_norm_) {
    ln = register_module("ln", layer_norm());
    up = register_module("up", nn::Linear(kWidth, 16));
    down = register_module("down", nn::Linear(16, kWidth));
  }
  Tensor forward(const Tensor& x) {
    const auto h = torch::relu(up(is_post_norm ? x : ln(x)));
    inner(h);
    return is_post_norm ? ln(x + down(h)) : x + down(h);
  }
  std::function<void(const Tensor&)> inner = [](const Tensor&) {};
  bool is_post_norm;
  nn::LayerNorm ln{nullptr};
  nn::Linear up{nullptr}, down{nullptr};
};

/// `layers.N`, with calls where a trainer could tap.
struct Tapping : Net<LayerImpl> {
  using Tap = std::function<void(const Tensor&)>;
  using Net<LayerImpl>::Net;
  Tensor forward(const Tensor& tokens) override {
    auto x = embed(tokens);
    note("embedding", x);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      before(x);
      x = layers[i]->forward(x);
      note(numbered("layers.", static_cast<int64_t>(i)), x);
      behind(x);
    }
    at_end(x);
    return end(x);
  }
  Tap before = [](const Tensor&) {};
  Tap behind = [](const Tensor&) {};
  Tap at_end = [](const Tensor&) {};
};

const auto kTapBlocks = [](const Tensor& x) { infoplane::tap("blocks", x); };

/// In the first pass as in the next: so many captures of each name, and so many sites of each index.
void require_once(Traced& model, const std::vector<std::string>& names, const std::vector<int>& indices,
                  const WatchOptions& options = {}) {
  Watcher watcher(model, options);
  for (int pass = 0; pass < 3; ++pass) {
    const auto captured = observe(watcher, model, pass);
    INFO("pass " << pass << '\n' << watcher.describe());
    REQUIRE_NOTHROW(watcher.verify());
    std::vector<std::string> seen;
    for (const auto& [site, stream] : captured.streams) {
      seen.push_back(site.name);
      for (const auto& [name, truth] : model.truth) {
        REQUIRE((name != site.name || at::equal(stream, truth)));
      }
    }
    std::sort(seen.begin(), seen.end());
    auto expected = names;
    std::sort(expected.begin(), expected.end());
    REQUIRE(seen == expected);
    std::vector<std::string> sites;
    std::vector<int> places;
    for (const auto& site : watcher.sites()) {
      sites.push_back(site.name);
      places.push_back(site.index);
    }
    REQUIRE(sites == names);
    REQUIRE(places == indices);
  }
}

using Names = std::vector<std::string>;
const Names kNames = {"embedding", "layers.0", "layers.1", "layers.2"};
const std::vector<int> kIndices = {-1, 0, 1, 2};

}  // namespace

TEST_CASE("blocks that are tapped under another name are the blocks of the tree", "[streams]") {
  for (const bool is_post_norm : {false, true}) {
    Tapping model({}, is_post_norm);
    model.behind = kTapBlocks;
    require_once(model, kNames, kIndices);
    model.behind = [](const Tensor& x) { infoplane::tap("anything", x); };
    require_once(model, kNames, kIndices);
  }
}

TEST_CASE("a tapped block is read from the tap", "[streams]") {
  Tapping model;
  model.behind = kTapBlocks;
  Watcher watcher(model);
  for (int pass = 0; pass < 2; ++pass) {
    for (const auto& [site, stream] : observe(watcher, model, pass).streams) {
      REQUIRE(site.kind == (site.index < 0 ? SiteKind::kNormInput : SiteKind::kTap));
    }
  }
  REQUIRE(watcher.sites()[1].source == "tap(\"blocks\")");
}

TEST_CASE("taps where blocks begin are the streams that enter them, whatever they are called", "[streams]") {
  Tapping model;
  model.before = kTapBlocks;  // "blocks.0" is the embedding
  require_once(model, kNames, kIndices);
}

TEST_CASE("both taps at once, and a tap of what nothing else reads", "[streams]") {
  Tapping model;
  model.before = [](const Tensor& x) { infoplane::tap("in", x); };
  model.behind = [](const Tensor& x) { infoplane::tap("out", x); };
  require_once(model, kNames, kIndices);
  Tapping bare({3, false, false});
  bare.behind = kTapBlocks;
  require_once(bare, kNames, kIndices);
}

TEST_CASE("a tap inside a block is a site of its own, in no mean over blocks", "[streams]") {
  Tapping model;
  for (const auto& layer : model.layers) {
    layer->inner = [](const Tensor& h) { infoplane::tap("mlp", h); };
  }
  Names names = kNames;
  names.insert(names.end(), {"mlp.0", "mlp.1", "mlp.2"});
  require_once(model, names, {-1, 0, 1, 2, -2, -2, -2});
  model.behind = kTapBlocks;
  require_once(model, names, {-1, 0, 1, 2, -2, -2, -2});
}

TEST_CASE("a tap that a pattern asks for, where the blocks are not watched, keeps its name", "[streams]") {
  Tapping model;
  model.behind = [](const Tensor& x) { infoplane::tap("stream", x); };
  require_once(model, {"stream.0", "stream.1", "stream.2"}, {-2, -2, -2}, WatchOptions().sites({"stream.*"}));
  model.behind = kTapBlocks;
  require_once(model, {"layers.0", "layers.1", "layers.2"}, {0, 1, 2}, WatchOptions().sites({"blocks.*"}));
  require_once(model, {"layers.1"}, {1}, WatchOptions().sites({"layers.1"}));
}

TEST_CASE("results of modules beside the watch are its sites too", "[streams]") {
  struct Hooked : Net<infoplane::hooks::Hookable<LayerImpl>> {
    Hooked() {
      for (std::size_t i = 0; i < layers.size(); ++i) {
        layers[i]->register_forward_hook(infoplane::hooks::tap_output(numbered("blocks.", static_cast<int64_t>(i))));
      }
    }
  };
  Hooked model;
  require_once(model, kNames, kIndices);
}

TEST_CASE("the mean over blocks has each block once", "[streams]") {
  const auto mean_of = [](bool is_tapped) {
    Tapping model;
    if (is_tapped) {
      model.behind = kTapBlocks;
    }
    Monitor monitor(model, MonitorOptions().every(1));
    std::vector<infoplane::plane::Metrics> means;
    for (int64_t step = 0; step < 2; ++step) {
      const auto observation = monitor.observe(step, infoplane::zoo::batch(step).first);
      model.forward(infoplane::zoo::batch(step).first);
      const auto point = monitor.end_step(step);
      REQUIRE(point.has_value());
      REQUIRE(point->layers.size() == 4);
      double sum = 0;
      for (std::size_t i = 1; i < 4; ++i) {
        REQUIRE(point->layers[i].name == kNames[i]);
        sum += point->layers[i].metrics.at("H(Z)");
      }
      REQUIRE(point->mean.at("H(Z)") == Catch::Approx(sum / 3));
      means.push_back(point->mean);
    }
    return means;
  };
  const auto watched = mean_of(false);
  const auto tapped = mean_of(true);
  for (std::size_t step = 0; step < 2; ++step) {
    REQUIRE(watched[step].at("H(Z)") == tapped[step].at("H(Z)"));
  }
}
