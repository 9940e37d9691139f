// The best step of a TorchScript module.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/nn/module.h>
#include <torch/optim/adamw.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <infoplane/callbacks/best_checkpoint.hpp>
#include <infoplane/core/error.hpp>
#include <sstream>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::BestCheckpoint;
using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using torch::jit::Module;

namespace {

struct TemporaryFile {
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::string path = (std::filesystem::temp_directory_path() / (std::to_string(getpid()) + "script.pt")).string();
};

Module empty(const std::string& name) {
  Module module(name);
  module.register_attribute("training", c10::BoolType::get(), true);
  return module;
}

/// A map with a buffer that counts, in a submodule; from a file, as a trainer has it.
Module script(std::int64_t width = 3) {
  auto map = empty("Map");
  map.register_parameter("weight", at::arange(4 * width, at::kFloat).view({width, 4}).div(10).requires_grad_(), false);
  map.register_parameter("fixed", at::ones({2}), false);
  map.register_buffer("count", at::zeros({1}));
  map.define(R"(
def forward(self, x: Tensor) -> Tensor:
    self.count.add_(1)
    return torch.linear(x, self.weight) * self.fixed.sum()
)");
  auto model = empty("Model");
  model.register_module("map", map);
  model.define("def forward(self, x: Tensor) -> Tensor:\n    return torch.tanh(self.map.forward(x))\n");
  std::stringstream file;
  model.save(file);
  return torch::jit::load(file);
}

std::vector<at::Tensor> trained(const Module& model) {
  std::vector<at::Tensor> parameters;
  for (const auto& parameter : model.parameters()) {
    if (parameter.requires_grad()) {
      parameters.push_back(parameter);
    }
  }
  return parameters;
}

void train(Module& model, torch::optim::Optimizer& optimizer, int steps) {
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    model.forward({at::arange(8, at::kFloat).view({2, 4}) * 0.1}).toTensor().square().sum().backward();
    optimizer.step();
  }
}

at::Tensor of(const Module& model, const char* name) { return model.attr("map").toModule().attr(name).toTensor(); }

EarlyStopping rule() { return EarlyStopping(EarlyStoppingOptions().monitor("loss").min_delta(0)); }

}  // namespace

TEST_CASE("the best step of a script comes back into its own tensors, and training goes on from it", "[callbacks]") {
  const TemporaryFile file;
  auto model = script();
  torch::optim::AdamW optimizer(trained(model), 0.1);
  auto stopping = rule();
  BestCheckpoint checkpoint(file.path, model, &optimizer);
  train(model, optimizer, 3);
  stopping.update(10, {{"loss", 2}});
  REQUIRE(checkpoint.update(stopping));
  const auto best = of(model, "weight").detach().clone();
  train(model, optimizer, 4);
  const auto went_on = of(model, "weight").detach().clone();
  REQUIRE_FALSE(at::equal(best, went_on));
  REQUIRE_FALSE(of(model, "fixed").requires_grad());

  const auto weight = of(model, "weight");
  REQUIRE(checkpoint.restore() == 10);
  REQUIRE(of(model, "weight").is_same(weight));  // the optimizer has it still
  REQUIRE(at::equal(weight, best));
  REQUIRE(weight.requires_grad());
  REQUIRE_FALSE(of(model, "fixed").requires_grad());
  REQUIRE(of(model, "count").item<float>() == 3);
  train(model, optimizer, 4);
  REQUIRE(at::equal(of(model, "weight"), went_on));

  auto other = script();
  torch::optim::AdamW other_optimizer(trained(other), 0.1);
  BestCheckpoint from_file(file.path, other, &other_optimizer);
  REQUIRE(from_file.restore() == 10);
  REQUIRE(at::equal(of(other, "weight"), best));
  train(other, other_optimizer, 4);  // its code is not rewritten yet, which changes the rounding
  REQUIRE(at::allclose(of(other, "weight"), went_on, 1e-4, 1e-5));
}

TEST_CASE("a script that was replaced or moved since is saved as it is now", "[callbacks]") {
  const TemporaryFile file;
  auto model = script();
  BestCheckpoint checkpoint(file.path, model);
  model.attr("map").toModule().setattr("weight", at::full({3, 4}, 7.0).requires_grad_());
  model.to(at::kDouble);
  auto stopping = rule();
  stopping.update(1, {{"loss", 2}});
  REQUIRE(checkpoint.update(stopping));
  of(model, "weight").detach().zero_();
  REQUIRE(checkpoint.restore() == 1);
  REQUIRE(at::equal(of(model, "weight").detach(), at::full({3, 4}, 7.0, at::kDouble)));
}

TEST_CASE("a checkpoint of another script is refused by name, and a frozen one has nothing to keep", "[callbacks]") {
  const TemporaryFile file;
  auto model = script();
  auto stopping = rule();
  stopping.update(1, {{"loss", 2}});
  REQUIRE(BestCheckpoint(file.path, model).update(stopping));
  auto wider = script(5);
  REQUIRE_THROWS_MATCHES(
      BestCheckpoint(file.path, wider).restore(), infoplane::ShapeError,
      MessageMatches(ContainsSubstring("has map.weight as Float [3, 4], the model as Float [5, 4]")));
  model.eval();
  REQUIRE_THROWS_MATCHES(BestCheckpoint(file.path, torch::jit::freeze(model)), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring("has no parameters") &&
                                        ContainsSubstring("torch::jit::freeze(module.deepcopy())")));
}
