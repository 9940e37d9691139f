#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/optim/adamw.h>
#include <torch/optim/sgd.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <filesystem>
#include <fstream>
#include <infoplane/callbacks/best_checkpoint.hpp>
#include <infoplane/core/error.hpp>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::BestCheckpoint;
using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::IoError;
using infoplane::ShapeError;

namespace {

struct NetImpl : torch::nn::Module {
  explicit NetImpl(std::int64_t width) : map(register_module("map", torch::nn::Linear(4, width))) {
    count = register_buffer("count", at::zeros({1}));
  }
  torch::Tensor forward(const torch::Tensor& x) { return map(x); }
  torch::nn::Linear map;
  torch::Tensor count;
};
TORCH_MODULE(Net);

struct TemporaryFile {
  ~TemporaryFile() {
    std::filesystem::remove(path);
    std::filesystem::remove(path + ".part");
  }
  std::string path = (std::filesystem::temp_directory_path() / (std::to_string(getpid()) + "best.pt")).string();
};

/// A few steps that are the same for equal weights and optimizer state.
void train(Net& net, torch::optim::Optimizer& optimizer, int steps) {
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    net(at::arange(8, at::kFloat).view({2, 4}) * 0.1).square().sum().backward();
    optimizer.step();
    net->count.add_(1);
  }
}

EarlyStopping rule() { return EarlyStopping(EarlyStoppingOptions().monitor("loss").min_delta(0)); }

}  // namespace

TEST_CASE("the best step comes back with the optimizer and the rule as they were", "[callbacks]") {
  const TemporaryFile file;
  torch::manual_seed(1);
  Net net(3);
  torch::optim::AdamW optimizer(net->parameters(), 0.1);
  auto stopping = rule();
  BestCheckpoint checkpoint(file.path, net, &optimizer);
  train(net, optimizer, 3);
  stopping.update(10, {{"loss", 2}});
  REQUIRE(checkpoint.update(stopping));
  REQUIRE(checkpoint.step() == 10);
  const auto at_best = net->map->weight.detach().clone();
  train(net, optimizer, 4);
  const auto went_on = net->map->weight.detach().clone();
  stopping.update(20, {{"loss", 3}});
  REQUIRE_FALSE(checkpoint.update(stopping));

  Net other(3);
  torch::optim::AdamW other_optimizer(other->parameters(), 0.1);
  BestCheckpoint from_file(file.path, other, &other_optimizer);
  auto other_rule = rule();
  REQUIRE(from_file.restore(other_rule) == 10);
  REQUIRE(at::equal(other->map->weight, at_best));
  REQUIRE(other->count.item<float>() == 3);
  REQUIRE(other_rule.best_value() == 2);
  train(other, other_optimizer, 4);
  REQUIRE(at::equal(other->map->weight, went_on));

  const auto* before = net->map->weight.unsafeGetTensorImpl();
  REQUIRE(checkpoint.restore() == 10);
  REQUIRE(at::equal(net->map->weight, at_best));
  REQUIRE(net->map->weight.unsafeGetTensorImpl() == before);
}

TEST_CASE("a file that cannot be written or read is an error and changes nothing", "[callbacks]") {
  const TemporaryFile file;
  Net net(3);
  auto stopping = rule();
  stopping.update(10, {{"loss", 2}});
  BestCheckpoint nowhere("/nowhere/at/all.pt", net);
  REQUIRE_THROWS_MATCHES(nowhere.update(stopping), IoError,
                         MessageMatches(ContainsSubstring("the checkpoint /nowhere/at/all.pt of step 10 cannot be "
                                                          "written: ")));
  REQUIRE(nowhere.step() == -1);
  REQUIRE_THROWS_MATCHES(nowhere.restore(), IoError, MessageMatches(ContainsSubstring("cannot be read: ")));

  BestCheckpoint checkpoint(file.path, net);
  std::ofstream(file.path) << "nonsense";
  REQUIRE_THROWS_AS(checkpoint.restore(), IoError);
  REQUIRE_FALSE(BestCheckpoint(file.path, net).saves(false).update(stopping));
  REQUIRE(checkpoint.update(stopping));
  REQUIRE_FALSE(std::filesystem::exists(file.path + ".part"));

  torch::optim::SGD optimizer(net->parameters(), 0.1);
  REQUIRE_THROWS_MATCHES(BestCheckpoint(file.path, net, &optimizer).restore(), IoError,
                         Message("the checkpoint " + file.path + " was saved without an optimizer"));
}

TEST_CASE("a checkpoint of another model is refused before anything changes", "[callbacks]") {
  const TemporaryFile file;
  Net net(3);
  auto stopping = rule();
  stopping.update(10, {{"loss", 2}});
  BestCheckpoint(file.path, net).update(stopping);
  Net wider(5);
  const auto weight = wider->map->weight.detach().clone();
  REQUIRE_THROWS_MATCHES(BestCheckpoint(file.path, wider).restore(), ShapeError,
                         Message("the checkpoint " + file.path + " has map.bias as Float [3], the model as Float [5]"));
  REQUIRE(at::equal(wider->map->weight, weight));
  torch::nn::Linear bare(4, 3);
  REQUIRE_THROWS_MATCHES(BestCheckpoint(file.path, bare).restore(), ShapeError,
                         Message("the checkpoint " + file.path + " has no bias, which the model has"));
  wider->register_buffer("more", at::zeros({1}));
  Net same(3);
  same->register_buffer("more", at::zeros({1}));
  BestCheckpoint(file.path, same).update(stopping);
  REQUIRE_THROWS_MATCHES(BestCheckpoint(file.path, net).restore(), ShapeError,
                         Message("the checkpoint " + file.path + " has more, which the model lacks"));
  auto other_rule = EarlyStopping(EarlyStoppingOptions().monitor("other"));
  REQUIRE_THROWS_AS(BestCheckpoint(file.path, same).restore(other_rule), infoplane::ArgumentError);
  REQUIRE_THROWS_MATCHES(BestCheckpoint("", net), infoplane::ArgumentError,
                         Message("BestCheckpoint needs the path of a file"));
}
