#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/record_function.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/watch.hpp>
#include <memory>
#include <thread>

#include "hooks/models.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::hooks::Capture;
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;
using infoplane::hooks::WatchOptions;

namespace {

Capture count(int& captures) {
  return [&captures](const Site&, const at::Tensor&) { ++captures; };
}

std::vector<double> train(bool watched, int64_t seed, int steps) {
  at::manual_seed(seed);
  auto model = make_gpt({.dropout = 0.2});
  Optimizer optimizer(*model);
  Watcher watcher(model->module());
  std::vector<double> losses;
  for (int step = 0; step < steps; ++step) {
    const auto tokens = make_tokens(2, 6, step);
    at::Tensor loss;
    if (watched) {
      auto scope = watcher.observe([](const Site&, const at::Tensor& x) {
        x.matmul(at::ones({kWidth, 3})).softmax(-1);
      });
      loss = loss_of(model->forward(tokens), tokens);
      optimizer.step(loss);  // the scope may stay open over the whole step
    } else {
      loss = loss_of(model->forward(tokens), tokens);
      optimizer.step(loss);
    }
    losses.push_back(loss.item<double>());
  }
  losses.push_back(at::rand({1}).item<double>());  // the state of the generator
  return losses;
}

}  // namespace

TEST_CASE("losses and random streams are bit-identical with and without", "[scope]") {
  for (const int64_t seed : {1, 2}) {
    REQUIRE(train(true, seed, 5) == train(false, seed, 5));
  }
}

TEST_CASE("nothing is captured outside a scope", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  int captures = 0;
  model->forward(make_tokens());
  REQUIRE(captures == 0);
  {
    auto scope = watcher.observe(count(captures));
    REQUIRE(scope.is_open());
    model->forward(make_tokens());
    REQUIRE(captures == 4);
    scope.finish();
    REQUIRE_FALSE(scope.is_open());
    model->forward(make_tokens());  // evaluation in the middle of a step
    REQUIRE(captures == 4);
  }
  REQUIRE_FALSE(at::hasThreadLocalCallbacks());
  for (int micro_batch = 0; micro_batch < 3; ++micro_batch) {  // gradient accumulation
    auto scope = watcher.observe(count(captures));
    model->forward(make_tokens());
  }
  REQUIRE(captures == 16);
}

TEST_CASE("in a scope the first forward counts", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  for (int pass = 0; pass < 2; ++pass) {
    int captures = 0;
    auto scope = watcher.observe(count(captures));
    model->forward(make_tokens());
    model->forward(make_tokens(1, 3));  // generation
    scope.finish();
    REQUIRE(captures == 4);
    REQUIRE(watcher.sites().size() == 4);
  }
}

TEST_CASE("recomputation in the backward counts once", "[scope]") {
  auto model = make_gpt({.checkpoint = true});
  Optimizer optimizer(*model);
  Watcher watcher(model->module());
  model->record = true;
  for (int pass = 0; pass < 3; ++pass) {
    std::vector<std::pair<std::string, at::Tensor>> captured;
    auto scope =
        watcher.observe([&](const Site& site, const at::Tensor& x) { captured.emplace_back(site.name, x.clone()); });
    const auto tokens = make_tokens(2, 5, pass);
    optimizer.step(loss_of(model->forward(tokens), tokens));
    scope.finish();
    REQUIRE(captured.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      REQUIRE(captured[i].first == model->truth[i].first);
      REQUIRE(at::equal(captured[i].second, model->truth[i].second));
    }
    REQUIRE_NOTHROW(watcher.verify());
  }
}

TEST_CASE("another thread's forward does not leak in", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  int captures = 0;
  auto scope = watcher.observe(count(captures));
  std::thread([&] { model->forward(make_tokens()); }).join();
  REQUIRE(captures == 0);
  model->forward(make_tokens());
  REQUIRE(captures == 4);
}

TEST_CASE("an exception in a capture is kept and thrown from finish", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  int captures = 0;
  const auto fail = [&](const Site& site, const at::Tensor&) {
    ++captures;
    throw std::runtime_error("no room for " + site.name);
  };
  auto scope = watcher.observe(fail);
  REQUIRE_NOTHROW(model->forward(make_tokens()));
  REQUIRE(captures == 1);  // after the first failure the scope captures nothing more
  REQUIRE_THROWS_MATCHES(scope.finish(), std::runtime_error, Message("no room for embedding"));
  REQUIRE_NOTHROW(scope.finish());
  REQUIRE_NOTHROW(watcher.rethrow_pending());

  {
    auto unfinished = watcher.observe(fail);
    model->forward(make_tokens());
  }
  REQUIRE_THROWS_MATCHES(watcher.rethrow_pending(), std::runtime_error, Message("no room for embedding"));
  REQUIRE_NOTHROW(watcher.rethrow_pending());
}

TEST_CASE("a scope inside a scope of the same watcher is refused, two watchers are not", "[scope]") {
  auto student = make_gpt();
  auto teacher = make_gpt({.layers = 2});
  Watcher watcher(student->module());
  Watcher same(student->module());
  Watcher other(teacher->module());
  int first = 0;
  int second = 0;
  int third = 0;
  auto scope = watcher.observe(count(first));
  REQUIRE_THROWS_MATCHES(watcher.observe(count(first)), infoplane::StateError,
                         MessageMatches(ContainsSubstring("a scope of this watcher is open")));
  REQUIRE_THROWS_MATCHES(watcher.rescan(), infoplane::StateError,
                         MessageMatches(ContainsSubstring("rescan() inside an observed scope")));
  auto scope_of_same = same.observe(count(second));
  auto scope_of_other = other.observe(count(third));
  student->forward(make_tokens());
  teacher->forward(make_tokens());
  REQUIRE(first == 4);
  REQUIRE(second == 4);
  REQUIRE(third == 3);
  scope.finish();  // not the last one opened
  student->forward(make_tokens());
  REQUIRE(first == 4);
  REQUIRE_NOTHROW(watcher.observe(count(first)));
}

TEST_CASE("a scope belongs to its thread and stays out of captures", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  Watcher other(model->module());
  std::string from_thread;
  std::string from_open;
  std::string from_finish;
  std::unique_ptr<infoplane::hooks::Scope> scope;
  const auto text_of = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const infoplane::StateError& error) {
      return error.what();
    }
    return "";
  };
  scope = std::make_unique<infoplane::hooks::Scope>(watcher.observe([&](const Site&, const at::Tensor&) {
    from_open = text_of([&] { static_cast<void>(other.observe({})); });
    from_finish = text_of([&] { scope->finish(); });
  }));
  model->forward(make_tokens());
  std::thread([&] { from_thread = text_of([&] { scope->finish(); }); }).join();
  REQUIRE_THAT(from_open, ContainsSubstring("cannot be opened inside a capture"));
  REQUIRE_THAT(from_finish, ContainsSubstring("cannot end inside a capture"));
  REQUIRE_THAT(from_thread, ContainsSubstring("ends on the thread that opened it"));

  std::thread([&] { scope.reset(); }).join();  // destroyed elsewhere: closed, and taken away by the next scope here
  int captures = 0;
  watcher.observe(count(captures)).finish();
  REQUIRE_FALSE(at::hasThreadLocalCallbacks());

  const at::DisableRecordFunctionGuard off;
  REQUIRE_THROWS_MATCHES(watcher.observe({}), infoplane::StateError,
                         MessageMatches(ContainsSubstring("operator observers are switched off")));
}

TEST_CASE("a moved scope is one scope", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  int captures = 0;
  auto scope = watcher.observe(count(captures));
  auto moved = std::move(scope);
  model->forward(make_tokens());
  REQUIRE(captures == 4);
  moved = watcher.sites().empty() ? std::move(moved) : infoplane::hooks::Scope(std::move(moved));
  REQUIRE(moved.is_open());
  moved.finish();
}

TEST_CASE("captures run without grad mode, autocast and observation", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  at::autocast::set_autocast_enabled(at::kCPU, true);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  for (int pass = 0; pass < 2; ++pass) {
    int captures = 0;
    auto scope = watcher.observe([&](const Site&, const at::Tensor& x) {
      REQUIRE_FALSE(at::GradMode::is_enabled());
      REQUIRE(x.to(at::kFloat).matmul(at::ones({kWidth, 2})).scalar_type() == at::kFloat);
      REQUIRE_NOTHROW(model->forward(make_tokens()));  // fires nothing
      ++captures;
    });
    model->forward(make_tokens());
    scope.finish();
    REQUIRE(captures == 4);
  }
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(at::kCPU, false);
}
