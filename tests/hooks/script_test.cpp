// TorchScript modules, as a C++ training loop loads them: their streams, whatever the executor makes of their code.
#include "hooks/scripts.hpp"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/codegen/fuser/interface.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/csrc/jit/tensorexpr/kernel.h>
#include <torch/optim/adamw.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/hooks/watch.hpp>
#include <optional>
#include <sstream>

#include "hooks/models.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::hooks::Site;
using infoplane::hooks::SiteKind;
using infoplane::hooks::Watcher;
using torch::jit::Module;

namespace {

constexpr auto kKinds = {ScriptBlock::kPreNorm,  ScriptBlock::kPostNorm, ScriptBlock::kOwnRms,
                         ScriptBlock::kBareNorm, ScriptBlock::kInPlace,  ScriptBlock::kDropout};

/// Chooses the executor for the time of a test.
class Executor {
 public:
  explicit Executor(bool profiles) {
    torch::jit::getProfilingMode() = profiles;
    torch::jit::getExecutorMode() = profiles;
  }
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  ~Executor() {
    torch::jit::getProfilingMode() = profiling_;
    torch::jit::getExecutorMode() = executor_;
  }

 private:
  bool profiling_ = torch::jit::getProfilingMode();
  bool executor_ = torch::jit::getExecutorMode();
};

/// Lets TorchScript make kernels of its own on the CPU, as it does on GPUs, for the time of a test.
class CpuFuser {
 public:
  CpuFuser() {
    torch::jit::overrideCanFuseOnCPU(true);
    torch::jit::tensorexpr::getTEMustUseLLVMOnCPU() = false;
  }
  CpuFuser(const CpuFuser&) = delete;
  CpuFuser& operator=(const CpuFuser&) = delete;
  ~CpuFuser() {
    torch::jit::overrideCanFuseOnCPU(fuses_);
    torch::jit::tensorexpr::getTEMustUseLLVMOnCPU() = needs_llvm_;
  }

 private:
  bool fuses_ = torch::jit::canFuseOnCPU();
  bool needs_llvm_ = torch::jit::tensorexpr::getTEMustUseLLVMOnCPU();
};

/// As a trainer gets it: from a file.
Module exported(ScriptBlock block, int layers = 3) {
  std::stringstream file;
  make_script(block, layers).save(file);
  return torch::jit::load(file);
}

std::vector<at::Tensor> parameters_of(const Module& model) {
  std::vector<at::Tensor> parameters;
  for (const auto& parameter : model.parameters()) {
    parameters.push_back(parameter);
  }
  return parameters;
}

using Streams = std::vector<std::pair<Site, at::Tensor>>;

/// One observed forward.
at::Tensor observe(Watcher& watcher, Module& model, const at::Tensor& tokens, Streams& seen) {
  seen.clear();
  auto scope = watcher.observe([&](const Site& site, const at::Tensor& x) { seen.emplace_back(site, x.clone()); });
  auto logits = model.forward({tokens}).toTensor();
  scope.finish();
  return logits;
}

/// Each stream once, in order, bit by bit, or in its direction where it is normalised.
void require_streams(const Streams& seen, const std::vector<at::Tensor>& truth) {
  REQUIRE(seen.size() == truth.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const auto& [site, stream] = seen[i];
    INFO(site.name << ", " << to_string(site.kind) << " at " << site.source);
    REQUIRE(site.name == (i == 0 ? std::string("embedding") : "blocks." + std::to_string(i - 1)));
    REQUIRE(site.index == static_cast<int>(i) - 1);
    if (site.kind == SiteKind::kNormalisedStream) {
      REQUIRE(at::cosine_similarity(stream, truth[i], -1).min().item<double>() > 1 - 1e-5);
    } else {
      REQUIRE(at::equal(stream, truth[i]));
    }
  }
}

/// Losses of six steps, with what random numbers they took; with a watcher, its streams are looked at in each.
std::vector<float> train(ScriptBlock block, bool watched) {
  constexpr int kSteps = 6;
  auto model = exported(block);
  torch::optim::AdamW optimizer(parameters_of(model), 1e-2);
  std::optional<Watcher> watcher;
  if (watched) {
    watcher.emplace(infoplane::watch(model));
  }
  std::vector<float> losses;
  for (int step = 0; step < kSteps; ++step) {
    const auto tokens = make_tokens(2, 5, step);
    at::manual_seed(step);
    const auto truth = model.get_method("streams")({tokens}).toTensorVector();
    at::manual_seed(step);
    Streams seen;
    const auto logits = watched ? observe(*watcher, model, tokens, seen) : model.forward({tokens}).toTensor();
    if (watched) {
      INFO("step " << step);
      require_streams(seen, truth);
    }
    const auto loss = loss_of(logits, tokens);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    losses.push_back(loss.item<float>());
  }
  losses.push_back(at::rand({1}).item<float>());
  if (watched) {
    watcher->verify();
  }
  return losses;
}

}  // namespace

TEST_CASE("the streams of a script are seen in each step, and its losses stay", "[script]") {
  const bool profiles = GENERATE(true, false);
  const Executor executor(profiles);
  for (const auto block : kKinds) {
    INFO("block " << static_cast<int>(block) << ", profiling " << profiles);
    REQUIRE(train(block, true) == train(block, false));
  }
}

TEST_CASE("a script without gradients, and in inference mode", "[script]") {
  for (const auto block : kKinds) {
    if (block == ScriptBlock::kDropout) {
      continue;  // its streams are random
    }
    auto model = exported(block);
    auto watcher = infoplane::watch(model);
    for (int pass = 0; pass < 4; ++pass) {
      INFO("block " << static_cast<int>(block) << ", pass " << pass);
      const auto tokens = make_tokens(2, 5, pass);
      const at::NoGradGuard no_grad;
      std::optional<c10::InferenceMode> inference;
      if (pass % 2 == 1) {
        inference.emplace();
      }
      Streams seen;
      observe(watcher, model, tokens, seen);
      require_streams(seen, model.get_method("streams")({tokens}).toTensorVector());
    }
  }
}

TEST_CASE("a script that was moved is followed, one whose norm was replaced asks for a rescan", "[script]") {
  auto model = exported(ScriptBlock::kPreNorm);
  auto watcher = infoplane::watch(model);
  Streams seen;
  const auto tokens = make_tokens();
  const auto look = [&] {
    observe(watcher, model, tokens, seen);
    require_streams(seen, model.get_method("streams")({tokens}).toTensorVector());
  };
  for (int pass = 0; pass < 3; ++pass) {
    look();
  }
  model.to(at::kDouble);  // sets the data of each parameter: identities stay, memory does not
  look();
  REQUIRE(seen.front().second.scalar_type() == at::kDouble);
  watcher.verify_sources();

  auto norm = model.attr("norm").toModule();
  norm.setattr("weight", at::ones({kWidth}, at::kDouble).set_requires_grad(true));
  REQUIRE_THROWS_MATCHES(
      watcher.verify_sources(), infoplane::SiteError,
      MessageMatches(ContainsSubstring("blocks.2: was read at norm.weight") && ContainsSubstring("Call rescan()")));
  watcher.rescan();
  look();
  REQUIRE(watcher.sites().back().name == "blocks.2");
}

TEST_CASE("the handle of a script is held", "[script]") {
  std::optional<Module> model = exported(ScriptBlock::kPreNorm, 2);
  auto watcher = infoplane::watch(*model);
  const Module other = *model;  // the same object
  model.reset();
  watcher.rescan();
  REQUIRE(watcher.names() == std::vector<std::string>{"embedding", "blocks.0", "blocks.1"});
  Streams seen;
  auto handle = other;
  observe(watcher, handle, make_tokens(), seen);
  REQUIRE(seen.size() == 3);
}

TEST_CASE("two forwards of a script in one scope, of which the first counts", "[script]") {
  auto model = exported(ScriptBlock::kBareNorm);
  auto watcher = infoplane::watch(model);
  for (int pass = 0; pass < 4; ++pass) {
    const auto tokens = make_tokens(2, 5, pass);
    Streams seen;
    auto scope = watcher.observe([&](const Site& site, const at::Tensor& x) { seen.emplace_back(site, x.clone()); });
    model.forward({tokens});
    model.forward({make_tokens(2, 5, pass + 20)});
    scope.finish();
    require_streams(seen, model.get_method("streams")({tokens}).toTensorVector());
  }
}

TEST_CASE("a frozen script has no parameters to watch: the error says what to write", "[script]") {
  const auto refuse = [](const Module& model) {
    REQUIRE_THROWS_MATCHES(infoplane::watch(model), infoplane::ArgumentError,
                           MessageMatches(ContainsSubstring("constants of its code") &&
                                          ContainsSubstring("torch::jit::freeze(module.deepcopy())")));
  };
  auto model = exported(ScriptBlock::kPreNorm);
  model.eval();
  refuse(torch::jit::freeze(model));
  const std::vector<std::string> kept = {"head"};
  refuse(torch::jit::freeze(model, kept));  // a part is left
  auto served = model.deepcopy();
  refuse(torch::jit::optimize_for_inference(served));
  model.train();
  REQUIRE(infoplane::watch(model).sites().size() == 4);
}

TEST_CASE("where TorchScript fuses operators, streams that this hides are an error", "[script]") {
  const CpuFuser fuser;
  for (const auto block : kKinds) {
    INFO("block " << static_cast<int>(block));
    const bool is_hidden = block == ScriptBlock::kOwnRms || block == ScriptBlock::kBareNorm;
    auto model = exported(block);
    torch::optim::AdamW optimizer(parameters_of(model), 1e-2);
    auto watcher = infoplane::watch(model);
    bool threw = false;
    for (int step = 0; step < 5 && !threw; ++step) {
      const auto tokens = make_tokens(2, 5, step);
      Streams seen;
      at::manual_seed(step);
      const auto truth = model.get_method("streams")({tokens}).toTensorVector();
      at::manual_seed(step);
      try {
        loss_of(observe(watcher, model, tokens, seen), tokens).backward();
        require_streams(seen, truth);
      } catch (const infoplane::SiteError& error) {
        threw = true;
        REQUIRE_THAT(error.what(), ContainsSubstring("blocks.0") && ContainsSubstring("has fused operators") &&
                                       ContainsSubstring("overrideCanFuseOnGPU(false)"));
      }
      optimizer.step();
      optimizer.zero_grad();
    }
    REQUIRE(threw == is_hidden);
  }
}

TEST_CASE("a script whose streams no operator shows: its blocks can be called and tapped from C++", "[script]") {
  auto model = exported(ScriptBlock::kUnclear);
  auto watcher = infoplane::watch(model);
  Streams seen;
  observe(watcher, model, make_tokens(), seen);
  REQUIRE_THROWS_MATCHES(
      watcher.verify(), infoplane::SiteError,
      MessageMatches(ContainsSubstring("a script has no place for a tap: call its blocks from C++, and write "
                                       "x = infoplane::tap(\"blocks.0\", x); between them")));

  const auto tokens = make_tokens();
  auto scope = watcher.observe([&](const Site& site, const at::Tensor& x) { seen.emplace_back(site, x.clone()); });
  auto x = infoplane::tap("embedding", at::embedding(model.attr("embed").toModule().attr("weight").toTensor(), tokens));
  auto blocks = model.attr("blocks").toModule();
  for (int i = 0; i < 3; ++i) {
    const auto name = std::to_string(i);
    x = infoplane::tap("blocks." + name, blocks.attr(name).toModule().forward({x}).toTensor());
  }
  scope.finish();
  watcher.verify();
  require_streams(seen, model.get_method("streams")({tokens}).toTensorVector());
}
