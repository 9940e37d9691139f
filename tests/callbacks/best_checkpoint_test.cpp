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

#include "core/places.hpp"

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
  ~TemporaryFile() { std::filesystem::remove(path); }
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

  torch::optim::SGD optimizer(net->parameters(), 0.1);
  REQUIRE_THROWS_MATCHES(BestCheckpoint(file.path, net, &optimizer).restore(), IoError,
                         Message("the checkpoint " + file.path + " was saved without an optimizer"));
}

TEST_CASE("a save that fails leaves the file before", "[callbacks]") {
  const TemporaryFile file;
  Net net(3);
  auto stopping = rule();
  BestCheckpoint checkpoint(file.path, net);
  stopping.update(10, {{"loss", 2}});
  REQUIRE(checkpoint.update(stopping));
  const auto at_best = net->map->weight.detach().clone();
  torch::NoGradGuard no_grad;
  net->map->weight.add_(1);
  stopping.update(20, {{"loss", 1}});
  {
    const places::SmallDisk small(2000);
    REQUIRE_THROWS_MATCHES(checkpoint.update(stopping), IoError,
                           Message("the checkpoint " + file.path + " of step 20 cannot be written: File too large"));
  }
  REQUIRE(checkpoint.step() == 10);
  auto restored = rule();
  REQUIRE(checkpoint.restore(restored) == 10);
  REQUIRE(restored.best_value() == 2);
  REQUIRE(at::equal(net->map->weight, at_best));
}

TEST_CASE("a checkpoint of another optimizer is refused before anything changes", "[callbacks]") {
  const TemporaryFile file;
  Net net(3);
  torch::optim::AdamW adam(net->parameters(), 0.1);
  auto stopping = rule();
  train(net, adam, 2);
  stopping.update(10, {{"loss", 2}});
  BestCheckpoint(file.path, net, &adam).update(stopping);

  Net other(3);
  torch::optim::SGD sgd(other->parameters(), torch::optim::SGDOptions(0.3).momentum(0.9));
  train(other, sgd, 1);
  const auto trained = other->map->weight.detach().clone();
  torch::optim::AdamW in_groups(
      std::vector<torch::optim::OptimizerParamGroup>{torch::optim::OptimizerParamGroup({other->map->weight}),
                                                     torch::optim::OptimizerParamGroup({other->map->bias})},
      torch::optim::AdamWOptions(0.3));
  for (torch::optim::Optimizer* optimizer : std::initializer_list<torch::optim::Optimizer*>{&sgd, &in_groups}) {
    CAPTURE(optimizer == &sgd);
    auto untouched = rule();
    untouched.update(5, {{"loss", 7}});
    const auto state = untouched.save_state();
    const auto moments = optimizer->state().size();
    BestCheckpoint checkpoint(file.path, other, optimizer);
    REQUIRE_THROWS_MATCHES(
        checkpoint.restore(untouched), IoError,
        MessageMatches(ContainsSubstring("the checkpoint " + file.path + " is of another optimizer: ")));
    REQUIRE(checkpoint.step() == -1);
    REQUIRE(untouched.save_state() == state);
    REQUIRE(at::equal(other->map->weight, trained));
    REQUIRE(other->count.item<float>() == 1);
    REQUIRE(optimizer->state().size() == moments);
    REQUIRE(optimizer->param_groups()[0].options().get_lr() == 0.3);
  }
}

TEST_CASE("an optimizer whose later groups do not fit keeps its first as they were", "[callbacks]") {
  const TemporaryFile file;
  Net net(3);
  const auto groups = [&](const std::vector<torch::Tensor>& second) {
    return std::vector<torch::optim::OptimizerParamGroup>{torch::optim::OptimizerParamGroup({net->map->weight}),
                                                          torch::optim::OptimizerParamGroup(second)};
  };
  torch::optim::AdamW saved(groups({net->map->bias}), torch::optim::AdamWOptions(0.1));
  train(net, saved, 2);
  auto stopping = rule();
  stopping.update(10, {{"loss", 2}});
  BestCheckpoint(file.path, net, &saved).update(stopping);
  torch::optim::AdamW other(groups({}), torch::optim::AdamWOptions(0.3));
  BestCheckpoint checkpoint(file.path, net, &other);
  REQUIRE_THROWS_AS(checkpoint.restore(), IoError);
  REQUIRE(other.state().empty());
  REQUIRE(other.param_groups()[0].options().get_lr() == 0.3);
}

TEST_CASE("an optimizer that had no state when it was saved has none again", "[callbacks]") {
  const TemporaryFile file;
  Net net(3);
  torch::optim::AdamW optimizer(net->parameters(), 0.1);
  auto stopping = rule();
  stopping.update(0, {{"loss", 2}});
  BestCheckpoint checkpoint(file.path, net, &optimizer);
  checkpoint.update(stopping);
  train(net, optimizer, 3);
  checkpoint.restore();
  REQUIRE(optimizer.state().empty());
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
