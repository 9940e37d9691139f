#include <torch/nn/modules/linear.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <filesystem>
#include <infoplane/callbacks/best_checkpoint.hpp>
#include <infoplane/core/error.hpp>

#include "callbacks/points.hpp"

using Catch::Matchers::Message;
using infoplane::BestCheckpoint;
using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::test::point;

namespace {

struct Folder {
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path = std::filesystem::temp_directory_path() / (std::to_string(getpid()) + "due");
};

/// A model that remembers one number.
struct Model {
  void be(double value) {
    torch::NoGradGuard no_grad;
    net->weight.fill_(value);
  }
  double is() const { return net->weight.item<double>(); }
  torch::nn::Linear net = torch::nn::Linear(torch::nn::LinearOptions(1, 1).bias(false));
};

EarlyStoppingOptions options() { return EarlyStoppingOptions().monitor("a").min_delta(0).patience(10); }

}  // namespace

TEST_CASE("a rule of one stream that is given points of both keeps its best", "[callbacks]") {
  const Folder folder;
  Model model;
  EarlyStopping stopping(options().split("heldout"));
  BestCheckpoint best(folder.file("best.pt"), model.net);
  for (std::int64_t step = 0; step <= 40; step += 10) {
    model.be(static_cast<double>(step));
    stopping.update(point(step, {{"a", step == 30 ? 1 : 5.0 + static_cast<double>(step)}}));
    stopping.update(point(step, {{"a", 0}}, "train"));
    REQUIRE(best.update(stopping) == (step == 0 || step == 30));
    REQUIRE_FALSE(best.update(stopping));
  }
  REQUIRE(best.restore() == 30);
  REQUIRE(model.is() == 30);
}

TEST_CASE("a checkpoint is due when the best step moved, however often the rule was updated since", "[callbacks]") {
  const Folder folder;
  Model model;
  EarlyStopping stopping(options());
  BestCheckpoint best(folder.file("best.pt"), model.net);
  stopping.update(0, {{"a", 5}});
  stopping.update(10, {{"a", 3}});
  stopping.update(20, {{"a", 4}});
  REQUIRE_FALSE(stopping.improved());
  model.be(20);
  REQUIRE(best.update(stopping));
  REQUIRE(best.step() == 10);
  REQUIRE_FALSE(best.update(stopping));
  stopping.update(30, {{"a", 4}});
  REQUIRE_FALSE(best.update(stopping));
  stopping.update(40, {{"a", 2}});
  stopping.update(50, {{"a", 1}});
  REQUIRE(best.update(stopping));
  REQUIRE(best.step() == 50);
}

TEST_CASE("several checkpoints of one rule each keep the best", "[callbacks]") {
  const Folder folder;
  Model model;
  EarlyStopping stopping(options());
  BestCheckpoint one(folder.file("one.pt"), model.net);
  BestCheckpoint other(folder.file("other.pt"), model.net);
  stopping.update(0, {{"a", 5}});
  REQUIRE(one.update(stopping));
  stopping.update(10, {{"a", 3}});
  REQUIRE(one.update(stopping));
  REQUIRE(other.update(stopping));
  REQUIRE(other.restore() == 10);
}

TEST_CASE("a resumed run does not write its present model over the best one of before", "[callbacks]") {
  const Folder folder;
  Model model;
  std::string state;
  {
    EarlyStopping stopping(options());
    BestCheckpoint best(folder.file("best.pt"), model.net);
    stopping.update(0, {{"a", 5}});
    stopping.update(10, {{"a", 3}});
    model.be(10);
    REQUIRE(best.update(stopping));
    stopping.update(20, {{"a", 4}});
    state = stopping.save_state();
  }
  model.be(20);
  EarlyStopping stopping(options());
  stopping.load_state(state);
  BestCheckpoint best(folder.file("best.pt"), model.net);
  REQUIRE_FALSE(best.update(stopping));
  stopping.update(30, {{"a", 4}});
  REQUIRE_FALSE(best.update(stopping));
  REQUIRE(best.restore() == 10);
  REQUIRE(model.is() == 10);
  REQUIRE_FALSE(best.update(stopping));
  model.be(40);
  stopping.update(40, {{"a", 2}});
  REQUIRE(best.update(stopping));
  REQUIRE(best.step() == 40);
}

TEST_CASE("going on from the best step saves the next best", "[callbacks]") {
  const Folder folder;
  Model model;
  EarlyStopping stopping(options());
  BestCheckpoint best(folder.file("best.pt"), model.net);
  stopping.update(0, {{"a", 5}});
  stopping.update(10, {{"a", 3}});
  REQUIRE(best.update(stopping));
  stopping.update(20, {{"a", 9}});
  REQUIRE(best.restore(stopping) == 10);
  REQUIRE_FALSE(best.update(stopping));
  stopping.update(20, {{"a", 2}});
  REQUIRE(best.update(stopping));
  REQUIRE(best.step() == 20);
}

TEST_CASE("a new rule whose best has the step of the last one's is kept", "[callbacks]") {
  const Folder folder;
  Model model;
  BestCheckpoint best(folder.file("best.pt"), model.net);
  for (const double fold : {1, 2}) {
    EarlyStopping stopping(options());
    model.be(fold);
    stopping.update(0, {{"a", fold}});
    REQUIRE(best.update(stopping));
    stopping.update(10, {{"a", 9}});
    REQUIRE_FALSE(best.update(stopping));
    model.be(9);
    REQUIRE(best.restore() == 0);
    REQUIRE(model.is() == fold);
  }
}

TEST_CASE("a rank that does not save says so each time, and restores what another saved", "[callbacks]") {
  const Folder folder;
  Model model;
  EarlyStopping stopping(options());
  BestCheckpoint other(folder.file("best.pt"), model.net);
  other.saves(false);
  BestCheckpoint first(folder.file("best.pt"), model.net);
  stopping.update(0, {{"a", 5}});
  REQUIRE_FALSE(other.update(stopping));
  REQUIRE(other.step() == -1);
  REQUIRE(first.update(stopping));
  REQUIRE(other.restore() == 0);
  REQUIRE(other.step() == 0);
}

TEST_CASE("nothing saved is an error that says so", "[callbacks]") {
  const Folder folder;
  Model model;
  const auto path = folder.file("best.pt");
  BestCheckpoint best(path, model.net);
  EarlyStopping stopping(options());
  REQUIRE_FALSE(best.update(stopping));
  stopping.update(0, {{"a", infoplane::test::kNaN}});
  REQUIRE_FALSE(best.update(stopping));
  const auto message = Message("the checkpoint " + path +
                               " cannot be read: nothing is there. BestCheckpoint::update saves once the rule has a "
                               "best step, where saves() is true");
  REQUIRE_THROWS_MATCHES(best.restore(), infoplane::IoError, message);
  REQUIRE_THROWS_MATCHES(best.restore(stopping), infoplane::IoError, message);
}
