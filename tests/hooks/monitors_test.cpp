// Scopes as trainers open them: several monitors, several models, threads.
#include <ATen/record_function.h>

#include <atomic>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <thread>

#include "hooks/zoo/zoo.hpp"

using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;
using infoplane::hooks::WatchOptions;

namespace {

struct Net : nn::Module {
  explicit Net(int layers = 2) {
    embed = register_module("embed", embedding());
    blocks = register_module("blocks", nn::ModuleList());
    for (int i = 0; i < layers; ++i) {
      blocks->push_back(Block());
    }
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    for (const auto& block : *blocks) {
      x = block->as<Block>()->forward(x);
    }
    return head(norm(x));
  }
  nn::Embedding embed{nullptr};
  nn::ModuleList blocks{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

using Metrics = std::map<std::string, double>;

Metrics entropies(const infoplane::plane::Point& point) {
  Metrics metrics;
  for (const auto& layer : point.layers) {
    metrics[layer.name] = layer.metrics.at("H(Z)");
  }
  return metrics;
}

Metrics measure(Net& model, const Tensor& tokens) {
  Monitor monitor(model, MonitorOptions().every(1));
  const auto observation = monitor.observe(1, tokens);
  model.forward(tokens);
  return entropies(monitor.end_step(1).value());
}

}  // namespace

TEST_CASE("two monitors on one model, and two models in one process, see what each sees alone", "[scope]") {
  Net student;
  Net teacher(3);
  const auto tokens = batch(0).first;
  const auto alone = measure(student, tokens);
  const auto teacher_alone = measure(teacher, tokens);
  REQUIRE(alone.size() == 3);
  REQUIRE(teacher_alone.size() == 4);
  Monitor first(student, MonitorOptions().every(1));
  Monitor second(student, MonitorOptions().every(2).sites("blocks.*"));
  Monitor third(teacher, MonitorOptions().every(1));
  for (const int64_t step : {2, 4}) {
    const auto a = first.observe(step, tokens);
    const auto b = second.observe(step, tokens);
    const auto c = third.observe(step, tokens);
    teacher.forward(tokens);
    student.forward(tokens);
    REQUIRE(entropies(first.end_step(step).value()) == alone);
    auto blocks = alone;
    blocks.erase("embedding");
    REQUIRE(entropies(second.end_step(step).value()) == blocks);
    REQUIRE(entropies(third.end_step(step).value()) == teacher_alone);
  }
}

TEST_CASE("a data loading thread that runs the same operators is not captured", "[scope]") {
  Net model;
  Watcher watcher(model);
  const auto& weight = model.blocks[0]->as<Block>()->ln1->weight;
  std::atomic<bool> stop = false;
  std::atomic<int> loaded = 0;
  std::thread loader([&] {
    const at::Tensor noise = at::full({3, 6, kWidth}, 1e4);
    while (!stop) {
      const torch::NoGradGuard no_grad;
      at::layer_norm(noise, {kWidth}, weight);
      infoplane::tap("blocks.0", noise);
      ++loaded;
    }
  });
  while (loaded == 0) {
    std::this_thread::yield();
  }
  int captures = 0;
  double largest = 0;
  for (int pass = 0; pass < 20; ++pass) {
    auto scope = watcher.observe([&](const Site&, const Tensor& x) {
      ++captures;
      largest = std::max(largest, x.abs().max().item<double>());
    });
    const int before = loaded;
    model.forward(batch(pass).first);
    while (loaded == before) {  // the loader ran while the scope was open
      std::this_thread::yield();
    }
    scope.finish();
  }
  stop = true;
  loader.join();
  REQUIRE(captures == 60);
  REQUIRE(largest < 1e3);
}

TEST_CASE("observations of one monitor do not nest", "[scope]") {
  Net model;
  Monitor monitor(model, MonitorOptions().every(1));
  const auto tokens = batch(0).first;
  {
    const auto outer = monitor.observe(1, tokens);
    REQUIRE_THROWS_MATCHES(monitor.observe(1, tokens), infoplane::StateError,
                           MessageMatches(ContainsSubstring("an observation is open already")));
    REQUIRE_THROWS_MATCHES(monitor.observe_heldout(1, tokens), infoplane::StateError,
                           MessageMatches(ContainsSubstring("an observation is open already")));
    model.forward(tokens);
  }
  REQUIRE(monitor.end_step(1)->tokens == tokens.numel());  // the refused ones changed nothing
}

TEST_CASE("evaluation and generation inside the observation of a step change nothing", "[scope]") {
  Net model;
  const auto tokens = batch(0).first;
  const auto alone = measure(model, tokens);
  Monitor monitor(model, MonitorOptions().every(1));
  for (const int64_t step : {1, 2}) {
    const auto observation = monitor.observe(step, tokens);
    model.forward(tokens);
    model.eval();
    model.forward(batch(5).first);
    auto text = tokens.slice(0, 0, 1);
    for (int i = 0; i < 3; ++i) {
      text = torch::cat({text, model.forward(text).select(1, -1).argmax(-1, true)}, 1);
    }
    model.train();
    REQUIRE(entropies(monitor.end_step(step).value()) == alone);
  }
}

TEST_CASE("taps that number themselves begin anew with a second forward in the scope", "[tap]") {
  Net model;
  const auto forward = [&](const Tensor& tokens, bool taps_embedding) {
    auto x = model.embed(tokens);
    if (taps_embedding) {
      infoplane::tap("embedding", x);
    }
    for (const auto& block : *model.blocks) {
      x = infoplane::tap("stream", block->as<Block>()->forward(x));
    }
    return model.head(model.norm(x));
  };
  const auto names_of = [&](Watcher& watcher, bool taps_embedding) {
    std::vector<std::string> names;
    auto scope = watcher.observe([&](const Site& site, const Tensor&) { names.push_back(site.name); });
    forward(batch(0).first, taps_embedding);
    forward(batch(1).first.slice(1, 0, 2), taps_embedding);  // generation
    forward(batch(1).first.slice(1, 0, 3), taps_embedding);
    scope.finish();
    return names;
  };
  const std::vector<std::string> expected = {"stream.0", "stream.1"};
  Watcher of_module(model, WatchOptions().sites({"stream.*"}));
  Watcher of_taps(WatchOptions().sites({"stream.*"}));
  for (int pass = 0; pass < 3; ++pass) {
    REQUIRE(names_of(of_module, false) == expected);
    REQUIRE(names_of(of_taps, true) == expected);
  }
  REQUIRE(of_module.sites().size() == 2);
  REQUIRE(of_taps.sites().size() == 2);
}

TEST_CASE("streams of a model without known blocks are measured, and kept out of means over blocks", "[scope]") {
  struct Unregistered : nn::Module {
    Tensor forward(const Tensor& tokens) {
      auto x = embed(tokens);
      for (auto& block : blocks) {
        x = block.forward(x);
      }
      return head(norm(x));
    }
    nn::Embedding embed = embedding();
    std::vector<BlockImpl> blocks{BlockImpl(), BlockImpl()};
    nn::LayerNorm norm = layer_norm();
    nn::Linear head = output_head();
  } model;
  Monitor monitor(model, MonitorOptions().every(1));
  const auto tokens = batch(0).first;
  const auto observation = monitor.observe(1, tokens);
  model.forward(tokens);
  const auto point = monitor.end_step(1).value();
  REQUIRE(point.layers.size() == 5);  // two norms a block and the final one
  REQUIRE(point.layers.front().name == "norms.0");
  REQUIRE(point.mean.empty());
  for (const auto& site : monitor.sites()) {
    REQUIRE(site.index == -2);
  }
}

TEST_CASE("once every site has come, operators are observed no longer", "[scope]") {
  Net model;
  Watcher watcher(model);
  const auto nothing = [](const Site&, const Tensor&) {};
  for (int pass = 0; pass < 3; ++pass) {
    Watcher other(model);
    auto scope = watcher.observe(nothing);
    REQUIRE(at::hasThreadLocalCallbacks());
    model.forward(batch(pass).first);
    REQUIRE(at::hasThreadLocalCallbacks() == (pass == 0));  // the first pass learns to its end
    auto scope_of_other = other.observe(nothing);           // a scope that opens later observes again
    REQUIRE(at::hasThreadLocalCallbacks());
    model.forward(batch(pass).first);
    scope_of_other.finish();
    scope.finish();
    REQUIRE_FALSE(at::hasThreadLocalCallbacks());
    REQUIRE_NOTHROW(other.verify());
  }
}

TEST_CASE("rescan after a head was replaced and adapters were added", "[watch]") {
  Net model;
  Watcher watcher(model);
  const auto capture = [&] {
    int captures = 0;
    auto scope = watcher.observe([&](const Site&, const Tensor&) { ++captures; });
    model.forward(batch(0).first);
    scope.finish();
    return captures;
  };
  REQUIRE(capture() == 3);
  model.norm = model.replace_module("norm", layer_norm());
  model.head = model.replace_module("head", output_head());
  REQUIRE(capture() == 2);  // the last block's output is read at a norm that is gone
  watcher.rescan();
  REQUIRE(capture() == 3);
  for (const auto& block : *model.blocks) {
    auto* impl = block->as<Block>();
    impl->ln1 = impl->replace_module("ln1", layer_norm());
    impl->register_module("adapter", nn::Linear(kWidth, kWidth));
  }
  watcher.rescan();
  REQUIRE(capture() == 3);
  REQUIRE_NOTHROW(watcher.verify());
}
