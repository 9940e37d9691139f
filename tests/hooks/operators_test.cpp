// What a trainer does with parameters beside the forward: none of it is a stream.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <infoplane/hooks/watch.hpp>

#include "hooks/models.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;

namespace {

using Streams = std::vector<std::pair<Site, at::Tensor>>;

/// Trains with a penalty, Adam that adds the decay to the gradient, and moving averages of the weights.
class Trainer {
 public:
  explicit Trainer(std::unique_ptr<Model> model)
      : model_(std::move(model)), watcher_(model_->module()), optimizer_(*model_, 0.1) {
    for (const auto& parameter : model_->parameters()) {
      anchors_.push_back(parameter.detach().clone());
      averages_.push_back(parameter.detach().clone());
    }
    model_->record = true;
  }

  Model& model() { return *model_; }
  const Watcher& watcher() const { return watcher_; }

  /// One step inside one scope.
  Streams step(int seed) {
    Streams captured;
    auto scope =
        watcher_.observe([&](const Site& site, const at::Tensor& x) { captured.emplace_back(site, x.clone()); });
    const auto parameters = model_->parameters();
    auto penalty = at::zeros({});
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      penalty = penalty + (parameters[i] - anchors_[i]).square().sum();
    }
    const auto tokens = make_tokens(2, 5, seed);
    const auto loss = loss_of(model_->forward(tokens), tokens);
    optimizer_.step(loss + penalty * 1e-3);
    const c10::AutoGradMode no_grad(false);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      averages_[i].lerp_(parameters[i], 0.1);
      averages_[i].mul_(0.9).add_(parameters[i], 0.1);
    }
    at::_foreach_lerp_(averages_, parameters, 0.1);
    at::_foreach_sub(averages_, parameters);
    scope.finish();
    return captured;
  }

 private:
  std::unique_ptr<Model> model_;
  Watcher watcher_;
  Optimizer optimizer_;
  std::vector<at::Tensor> anchors_, averages_;
};

void require_truth(Trainer& trainer, const Streams& captured) {
  const auto& truth = trainer.model().truth;
  INFO(trainer.watcher().describe());
  REQUIRE(captured.size() == truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    REQUIRE(captured[i].first.name == truth[i].first);
    REQUIRE(captured[i].first.index == static_cast<int>(i) - 1);
    REQUIRE(at::equal(captured[i].second, truth[i].second));
  }
}

}  // namespace

TEST_CASE("penalties, optimizers and moving averages inside the scope are no streams", "[scope]") {
  const std::vector<std::function<std::unique_ptr<Model>()>> makers = {[] { return make_gpt(); },
                                                                       make_post_norm,
                                                                       make_numbered_post_norm,
                                                                       make_reordered_norm,
                                                                       make_time_first,
                                                                       make_shared_norm,
                                                                       make_sequential,
                                                                       make_lora,
                                                                       [] { return make_rms_norm(true); },
                                                                       [] { return make_weightless_norm(false); }};
  for (std::size_t i = 0; i < makers.size(); ++i) {
    INFO("model " << i);
    Trainer trainer(makers[i]());
    std::vector<std::string> kinds;
    for (int pass = 0; pass < 3; ++pass) {
      require_truth(trainer, trainer.step(pass));
      std::vector<std::string> now;
      for (const auto& site : trainer.watcher().sites()) {
        now.push_back(site.name + ' ' + to_string(site.kind) + ' ' + site.source);
      }
      kinds = pass == 0 ? now : kinds;
      REQUIRE(now == kinds);
    }
    REQUIRE_NOTHROW(trainer.watcher().verify());
  }
}

TEST_CASE("the gradient of a dropped block is not taken for the stream that enters it", "[scope]") {
  Trainer trainer(make_reordered_norm());
  require_truth(trainer, trainer.step(0));
  trainer.model().change("drop block 1");
  const auto captured = trainer.step(1);
  const auto& truth = trainer.model().truth;
  REQUIRE(captured.size() == 3);  // the output of block 0 is read where block 1 begins
  REQUIRE(captured[0].first.name == "embedding");
  REQUIRE(captured[1].first.name == "blocks.1");  // nothing happened in it: what left block 0
  REQUIRE(at::equal(captured[1].second, truth[1].second));
  REQUIRE(captured[2].first.name == "blocks.2");
  REQUIRE(at::equal(captured[2].second, truth[2].second));
}

TEST_CASE("a matrix product with a square weight is a stream, though both have the same sizes", "[scope]") {
  auto model = make_lora();  // weights [8, 8]
  Watcher watcher(model->module());
  model->record = true;
  for (int pass = 0; pass < 2; ++pass) {
    Streams captured;
    auto scope =
        watcher.observe([&](const Site& site, const at::Tensor& x) { captured.emplace_back(site, x.clone()); });
    model->forward(make_tokens(1, kWidth)[0]);  // streams [8, 8]
    scope.finish();
    REQUIRE(captured.size() == 4);
    REQUIRE(at::equal(captured[1].second, model->truth[1].second));
  }
}
