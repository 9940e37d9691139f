#include <torch/nn/modules/batchnorm.h>
#include <torch/optim/adagrad.h>
#include <torch/optim/adamw.h>
#include <torch/optim/rmsprop.h>
#include <torch/optim/sgd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <infoplane/core/error.hpp>

#include "callbacks/checkpoints.hpp"
#include "core/odd_locale.hpp"

using Catch::Matchers::Message;
using checkpoints::Net;
using infoplane::BestCheckpoint;
using infoplane::IoError;

namespace {

std::vector<at::Tensor> copies(const torch::nn::Module& model) {
  std::vector<at::Tensor> found;
  for (const auto& each : model.parameters()) {
    found.push_back(each.detach().clone());
  }
  for (const auto& each : model.buffers()) {
    found.push_back(each.detach().clone());
  }
  return found;
}

bool equal(const std::vector<at::Tensor>& one, const std::vector<at::Tensor>& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](const at::Tensor& a, const at::Tensor& b) {
    return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
           at::equal(a.to(at::kComplexDouble), b.to(at::kComplexDouble));
  });
}

std::string numbered(char letter, int number) {
  std::string name(1, letter);
  name += std::to_string(number);
  return name;
}

void step(torch::optim::Optimizer& optimizer, Net& net) {
  optimizer.zero_grad();
  net(at::arange(8, at::kFloat).view({2, 4})).square().sum().backward();
  optimizer.step();
}

}  // namespace

TEST_CASE("one damaged byte anywhere is found before anything changes", "[callbacks][checkpoint]") {
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  Net net;
  torch::optim::SGD optimizer(net->parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  step(optimizer, net);
  checkpoints::save(path, *net, &optimizer);
  const auto whole = places::read(path);
  Net other;
  torch::optim::SGD other_optimizer(other->parameters(), torch::optim::SGDOptions(0.3).momentum(0.9));
  BestCheckpoint checkpoint(path, other, &other_optimizer);
  const auto before = copies(*other);
  auto rule = checkpoints::improved(5);
  const auto state = rule.save_state();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int flip : {1 << i % 8, 0xff}) {
      CAPTURE(i, flip);
      auto damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      places::write(path, damaged);
      REQUIRE_THROWS_AS(checkpoint.restore(rule), IoError);
    }
  }
  for (std::size_t size = 0; size < whole.size(); size += 1 + (size < whole.size() - 200 ? 13 : 0)) {
    CAPTURE(size);
    places::write(path, whole.substr(0, size));
    REQUIRE_THROWS_AS(checkpoint.restore(rule), IoError);
  }
  places::write(path, whole + '\n');
  REQUIRE_THROWS_AS(checkpoint.restore(rule), IoError);
  REQUIRE(equal(copies(*other), before));
  REQUIRE(other_optimizer.state().empty());
  REQUIRE(other_optimizer.param_groups()[0].options().get_lr() == 0.3);
  REQUIRE(rule.save_state() == state);
  REQUIRE(checkpoint.step() == -1);
  places::write(path, whole);
  REQUIRE(checkpoint.restore(rule) == 10);
  REQUIRE(equal(copies(*other), copies(*net)));
}

TEST_CASE("damage is told from other files", "[callbacks][checkpoint]") {
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  Net net;
  checkpoints::save(path, *net);
  auto damaged = places::read(path);
  damaged[1000] = static_cast<char>(damaged[1000] ^ 4);
  places::write(path, damaged);
  REQUIRE_THROWS_MATCHES(
      BestCheckpoint(path, net).restore(), IoError,
      Message("the checkpoint " + path + " cannot be read: it is damaged: its checksum is not that of its bytes"));
  places::write(path, "notes of mine, longer than what ends an archive and the checksum in it together");
  REQUIRE_THROWS_MATCHES(BestCheckpoint(path, net).restore(), IoError,
                         Message("the checkpoint " + path +
                                 " cannot be read: it is cut short or damaged, or no checkpoint: it does not end like "
                                 "one"));
  REQUIRE(::mkfifo(folder.file("pipe").c_str(), 0600) == 0);
  for (const auto& other : {folder.file("pipe"), folder.file("")}) {
    REQUIRE_THROWS_MATCHES(BestCheckpoint(other, net).restore(), IoError,
                           Message("the checkpoint " + other + " cannot be read: it is no regular file"));
  }
}

TEST_CASE("a checkpoint of an earlier version, without a checksum, is restored", "[callbacks][checkpoint]") {
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  Net net;
  torch::optim::AdamW optimizer(net->parameters(), 0.1);
  step(optimizer, net);
  checkpoints::save(path, *net, &optimizer);
  auto bytes = places::read(path);
  const std::string seal = "infoplane checksum 0123456789abcdef";
  bytes.resize(bytes.size() - seal.size());
  bytes[bytes.size() - 2] = 0;  // the length of the comment
  places::write(path, bytes);
  Net other;
  torch::optim::AdamW other_optimizer(other->parameters(), 0.3);
  REQUIRE(BestCheckpoint(path, other, &other_optimizer).restore() == 10);
  REQUIRE(equal(copies(*other), copies(*net)));
  REQUIRE(other_optimizer.state().size() == 2);
}

TEST_CASE("LibTorch loads a checkpoint too", "[callbacks][checkpoint]") {
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  Net net, other;
  checkpoints::save(path, *net);
  torch::serialize::InputArchive archive, model;
  archive.load_from(path);
  archive.read("model", model);
  other->load(model);
  REQUIRE(equal(copies(*other), copies(*net)));
}

TEST_CASE("tensors of every kind and shape come back", "[callbacks][checkpoint]") {
  struct Odd : torch::nn::Module {
    Odd() {
      int i = 0;
      for (const auto type :
           {at::kByte, at::kChar, at::kShort, at::kInt, at::kLong, at::kHalf, at::kBFloat16, at::kFloat, at::kDouble,
            at::kBool, at::kComplexFloat, at::kComplexDouble, at::kFloat8_e4m3fn, at::kFloat8_e5m2}) {
        register_buffer(numbered('t', i++), at::tensor({0.0, 1.0, 1.0}).to(type));
      }
      register_buffer("scalar", at::tensor(3.5));
      register_buffer("empty", at::empty({0, 4}));
      register_buffer("view", at::arange(24, at::kFloat).view({4, 6}).t().slice(0, 1, 3));
      register_buffer("one", at::arange(5, at::kFloat).slice(0, 4, 5));
      register_parameter("with space/и-", at::ones({2}));
      register_parameter("none", at::Tensor(), false);
      for (int k = 0; k < 300; ++k) {
        register_parameter(numbered('p', k), at::full({2}, 0.5 * k));
      }
      register_module("inner", std::make_shared<torch::nn::BatchNorm1dImpl>(3));
    }
  };
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  Odd odd, other;
  for (auto& each : other.parameters()) {
    torch::NoGradGuard no_grad;
    each.zero_();
  }
  checkpoints::save(path, odd);
  REQUIRE(BestCheckpoint(path, other).restore() == 10);
  REQUIRE(equal(copies(other), copies(odd)));
}

TEST_CASE("the state of each optimizer comes back", "[callbacks][checkpoint]") {
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  const auto check = [&](auto make) {
    Net net, other;
    auto optimizer = make(net->parameters()), other_optimizer = make(other->parameters());
    for (int i = 0; i < 3; ++i) {
      step(optimizer, net);
    }
    checkpoints::save(path, *net, &optimizer);
    REQUIRE(BestCheckpoint(path, other, &other_optimizer).restore() == 10);
    step(optimizer, net);
    step(other_optimizer, other);
    REQUIRE(equal(copies(*other), copies(*net)));
  };
  using Parameters = std::vector<at::Tensor>;
  check([](Parameters p) { return torch::optim::AdamW(p, torch::optim::AdamWOptions(0.1).amsgrad(true)); });
  check([](Parameters p) { return torch::optim::SGD(p, torch::optim::SGDOptions(0.01).momentum(0.9)); });
  check([](Parameters p) { return torch::optim::RMSprop(p, torch::optim::RMSpropOptions(0.01).centered(true)); });
  check([](Parameters p) { return torch::optim::Adagrad(p, torch::optim::AdagradOptions(0.1)); });
}

TEST_CASE("what could never be restored is not saved", "[callbacks][checkpoint]") {
  struct Sparse : torch::nn::Module {
    Sparse() { register_buffer("graph", at::eye(3).to_sparse()); }
  };
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  Net net;
  checkpoints::save(path, *net);
  Sparse sparse;
  BestCheckpoint checkpoint(path, sparse);
  REQUIRE_THROWS_MATCHES(checkpoint.update(checkpoints::improved(20)), IoError,
                         Message("the checkpoint " + path +
                                 " of step 20 cannot be written: its pickle is none that a checkpoint has: it has a "
                                 "tensor that is not dense, which no checkpoint keeps"));
  REQUIRE(BestCheckpoint(path, net).restore() == 10);
  REQUIRE(folder.names() == std::vector<std::string>{"best.pt"});
}

TEST_CASE("a model that fails to load leaves model and optimizer as they were", "[callbacks][checkpoint]") {
  struct Fails : torch::nn::Module {
    Fails() {
      first = register_parameter("first", at::ones({2}));
      second = register_parameter("second", at::ones({2}));
    }
    void load(torch::serialize::InputArchive& archive) override {
      archive.read("first", first);
      if (fails) {
        throw std::runtime_error("not today");
      }
      archive.read("second", second);
    }
    at::Tensor first, second;
    bool fails = false;
  };
  const places::Folder folder;
  const auto path = folder.file("best.pt");
  Fails saved, other;
  torch::optim::SGD optimizer(saved.parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  saved.first.sum().backward();
  optimizer.step();
  checkpoints::save(path, saved, &optimizer);
  torch::optim::SGD other_optimizer(other.parameters(), torch::optim::SGDOptions(0.3).momentum(0.9));
  other.fails = true;
  BestCheckpoint checkpoint(path, other, &other_optimizer);
  REQUIRE_THROWS_MATCHES(checkpoint.restore(), IoError,
                         Message("the checkpoint " + path + " cannot be loaded into the model: not today"));
  REQUIRE(at::equal(other.first, at::ones({2})));
  REQUIRE(other.first.requires_grad());
  REQUIRE(other_optimizer.state().empty());
  REQUIRE(other_optimizer.param_groups()[0].options().get_lr() == 0.3);
  other.fails = false;
  REQUIRE(checkpoint.restore() == 10);
  REQUIRE(at::equal(other.first, saved.first));
  REQUIRE(other_optimizer.param_groups()[0].options().get_lr() == 0.1);
}

TEST_CASE("a checkpoint is restored under every locale of the program", "[callbacks][checkpoint][locale]") {
  struct Large : torch::nn::Module {
    Large() {
      register_parameter("wide", at::full({1500, 4}, 0.5));
      for (int i = 0; i < 1100; ++i) {  // as many classes in the archive
        register_module(numbered('m', i), std::make_shared<torch::nn::LinearImpl>(1, 1));
      }
    }
  };
  const places::Folder folder;
  const auto there = folder.file("there.pt"), here = folder.file("here.pt");
  Large model, other;
  torch::optim::SGD optimizer(model.parameters(), torch::optim::SGDOptions(0.1).momentum(0.9));
  torch::optim::SGD other_optimizer(other.parameters(), torch::optim::SGDOptions(0.3).momentum(0.9));
  model.parameters()[0].sum().backward();
  optimizer.step();
  checkpoints::save(here, model, &optimizer);
  {
    const OddLocale odd;
    checkpoints::save(there, model, &optimizer);
    REQUIRE(BestCheckpoint(here, other, &other_optimizer).restore() == 10);
    REQUIRE(BestCheckpoint(there, other, &other_optimizer).restore() == 10);
  }
  REQUIRE(BestCheckpoint(there, other, &other_optimizer).restore() == 10);
  REQUIRE(equal(copies(other), copies(model)));
  REQUIRE(other_optimizer.param_groups()[0].options().get_lr() == 0.1);
}
