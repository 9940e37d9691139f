// Forwards on other threads than that of the scope, and of replicas: never silently unmeasured.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/nn/parallel/data_parallel.h>

#include <ATen/Parallel.h>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/watch.hpp>
#include <stdexcept>
#include <thread>

#include "hooks/blocks.hpp"
#include "hooks/scripts.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::ContainsSubstring;
using infoplane::SiteError;
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;

namespace {

template <typename Work>
std::string error_of(Work work) {
  try {
    work();
  } catch (const SiteError& error) {
    return error.what();
  }
  return "";
}

template <typename Work>
void require_thread_error(Work work) {
  REQUIRE_THAT(error_of(work), ContainsSubstring("embedding, blocks.0, blocks.1, blocks.2 did not come, and ") &&
                                   ContainsSubstring("was used on another thread than the one that opened the scope") &&
                                   ContainsSubstring("run the forward of observed steps on that thread"));
}

template <typename Work>
void on_worker(Work work) {
  std::thread(work).join();
}

/// Embedding, two maps and a norm, which can be cloned.
struct NetImpl : torch::nn::Cloneable<NetImpl> {
  NetImpl() { reset(); }
  void reset() override {
    embed = register_module("embed", torch::nn::Embedding(kVocabulary, kWidth));
    for (const auto* name : {"norm0", "norm1"}) {
      norms.push_back(register_module(name, torch::nn::LayerNorm(torch::nn::LayerNormOptions({kWidth}))));
    }
    map0 = register_module("layer0", torch::nn::Sequential(norms[0], torch::nn::Linear(kWidth, kWidth)));
    map1 = register_module("layer1", torch::nn::Sequential(norms[1], torch::nn::Linear(kWidth, kWidth)));
    head = register_module("head", torch::nn::Linear(kWidth, kVocabulary));
  }
  at::Tensor forward(const at::Tensor& tokens) {
    auto x = embed(tokens);
    x = x + map0->forward(x);
    x = x + map1->forward(x);
    return head(x);
  }
  torch::nn::Embedding embed{nullptr};
  std::vector<torch::nn::LayerNorm> norms;
  torch::nn::Sequential map0{nullptr}, map1{nullptr};
  torch::nn::Linear head{nullptr};
};
TORCH_MODULE(Net);

}  // namespace

TEST_CASE("a forward on a worker thread alone is an error, in the first scope and in later ones", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  int captures = 0;
  for (const bool is_known : {false, true}) {
    if (is_known) {
      auto scope = watcher.observe([](const Site&, const at::Tensor&) {});
      model->forward(make_tokens());
      scope.finish();
    }
    auto scope = watcher.observe([&](const Site&, const at::Tensor&) { ++captures; });
    on_worker([&] { model->forward(make_tokens()); });
    require_thread_error([&] { scope.finish(); });
  }
  {
    auto scope = watcher.observe([&](const Site&, const at::Tensor&) { ++captures; });
    on_worker([&] { model->forward(make_tokens()); });
  }
  require_thread_error([&] { watcher.rethrow_pending(); });
  REQUIRE(captures == 0);
  REQUIRE_FALSE(at::hasGlobalCallbacks());
}

TEST_CASE("an exception that leaves the scope is not taken for a forward elsewhere", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  const auto fail = [&] {
    auto scope = watcher.observe([](const Site&, const at::Tensor&) {});
    on_worker([&] { model->forward(make_tokens()); });
    throw std::runtime_error("out of memory");
  };
  REQUIRE_THROWS_AS(fail(), std::runtime_error);
  REQUIRE_NOTHROW(watcher.rethrow_pending());
}

TEST_CASE("a script's forward on a worker thread alone is an error", "[scope][script]") {
  auto model = make_script(ScriptBlock::kPreNorm);
  Watcher watcher(model);
  for (int pass = 0; pass < 4; ++pass) {
    auto scope = watcher.observe([](const Site&, const at::Tensor&) {});
    on_worker([&] { model.forward({make_tokens()}); });
    require_thread_error([&] { scope.finish(); });
  }
}

TEST_CASE("what other threads do beside a whole forward of this one is their own affair", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  for (int pass = 0; pass < 3; ++pass) {
    int captures = 0;
    auto scope = watcher.observe([&](const Site&, const at::Tensor&) { ++captures; });
    on_worker([&] { model->forward(make_tokens()); });  // another micro-batch
    model->forward(make_tokens());
    scope.finish();
    REQUIRE(captures == 4);
  }
  // A step that is skipped, while another thread evaluates, or saves parameters.
  auto scope = watcher.observe([](const Site&, const at::Tensor&) {});
  on_worker([&] {
    const at::NoGradGuard no_grad;
    model->forward(make_tokens());
  });
  on_worker([&] {
    for (const auto& parameter : model->parameters()) {
      static_cast<void>(parameter.detach().clone());
    }
  });
  REQUIRE_NOTHROW(scope.finish());
}

TEST_CASE("an evaluation on a worker thread, observed without gradients, is an error", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  const at::NoGradGuard no_grad;
  auto scope = watcher.observe([](const Site&, const at::Tensor&) {});
  on_worker([&] {
    const at::NoGradGuard here_too;
    model->forward(make_tokens());
  });
  require_thread_error([&] { scope.finish(); });
}

TEST_CASE("a worker thread with a scope of its own is seen there", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  int captures = 0;
  auto scope = watcher.observe([](const Site&, const at::Tensor&) {});
  on_worker([&] {
    Watcher own(model->module());
    auto inner = own.observe([&](const Site&, const at::Tensor&) { ++captures; });
    model->forward(make_tokens());
    inner.finish();
  });
  REQUIRE_NOTHROW(scope.finish());
  REQUIRE(captures == 4);
}

TEST_CASE("replicas are an error with what to write, on one thread and on several", "[scope]") {
  const int threads = GENERATE(1, 2);
  const int before = at::get_num_threads();
  at::set_num_threads(threads);
  const bool made_inside = GENERATE(true, false);
  const bool has_gradients = GENERATE(true, false);
  if (!made_inside && !has_gradients) {
    return;  // nothing tells then whose replicas they are
  }
  INFO(threads << " threads, made inside " << made_inside << ", gradients " << has_gradients);
  Net model;
  Watcher watcher(model);
  const auto chunks = make_tokens(4, 5).chunk(2);
  const std::vector<at::Device> devices = {at::kCPU, at::kCPU};
  for (int pass = 0; pass < 3; ++pass) {
    if (pass == 1) {
      int captures = 0;
      auto scope = watcher.observe([&](const Site&, const at::Tensor&) { ++captures; });
      model(chunks[0]);
      auto replicas = torch::nn::parallel::replicate(model.ptr(), devices);
      torch::nn::parallel::parallel_apply(replicas, chunks, devices);
      scope.finish();
      REQUIRE(captures == 3);  // the model itself was seen
      continue;
    }
    const at::AutoGradMode mode(has_gradients);
    std::vector<std::shared_ptr<NetImpl>> replicas;
    const auto make = [&] { replicas = torch::nn::parallel::replicate(model.ptr(), devices); };
    if (!made_inside) {
      make();
    }
    auto scope = watcher.observe([](const Site&, const at::Tensor&) {});
    if (made_inside) {
      make();
    }
    torch::nn::parallel::parallel_apply(replicas, chunks, devices);
    REQUIRE_THAT(error_of([&] { scope.finish(); }),
                 ContainsSubstring("did not come, and replicas of the model ran, or it was copied inside the scope") &&
                     ContainsSubstring("monitor.observes(step) ? model->forward(x) : data_parallel(model, x)"));
  }
  at::set_num_threads(before);
}
