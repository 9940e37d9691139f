// Threads that observe at the same time, and other observers of LibTorch's operators beside ours.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/hooks/watch.hpp>
#include <thread>

#include "hooks/models.hpp"

using namespace infoplane::testing;  // NOLINT(google-build-using-namespace)
using infoplane::hooks::Site;
using infoplane::hooks::Watcher;

namespace {

/// What one thread saw of its own model; Catch2's assertions stay on the main thread.
struct Seen {
  std::vector<std::string> names;
  int wrong = 0;
  int passes = 0;
};

/// Meets the other thread, so that both have a scope open at the same time.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}
  void wait() {
    const int round = arrived_.fetch_add(1) / threads_;
    while (arrived_.load() < (round + 1) * threads_) {
      std::this_thread::yield();
    }
  }

 private:
  int threads_;
  std::atomic<int> arrived_ = 0;
};

void train(Model& model, int passes, int seed, Barrier& barrier, Seen& seen) {
  Watcher watcher(model.module());
  model.record = true;
  for (int pass = 0; pass < passes; ++pass) {
    std::vector<std::pair<std::string, at::Tensor>> streams;
    auto scope =
        watcher.observe([&](const Site& site, const at::Tensor& x) { streams.emplace_back(site.name, x.clone()); });
    barrier.wait();
    const auto tokens = make_tokens(2, 6, seed + pass);
    loss_of(model.forward(tokens), tokens).backward();
    barrier.wait();
    scope.finish();
    seen.wrong += streams.size() == model.truth.size() ? 0 : 1;
    for (std::size_t i = 0; i < std::min(streams.size(), model.truth.size()); ++i) {
      const bool same = streams[i].first == model.truth[i].first && at::equal(streams[i].second, model.truth[i].second);
      seen.wrong += same ? 0 : 1;
    }
    ++seen.passes;
  }
  for (const auto& site : watcher.sites()) {
    seen.names.push_back(site.name);
  }
}

std::atomic<int> user_starts = 0;
std::atomic<int> user_ends = 0;

std::unique_ptr<at::ObserverContext> user_start(const at::RecordFunction& /*function*/) {
  ++user_starts;
  return nullptr;
}

void user_end(const at::RecordFunction& /*function*/, at::ObserverContext* /*context*/) { ++user_ends; }

std::size_t count_captures(Watcher& watcher, Model& model, int seed) {
  std::size_t captures = 0;
  auto scope = watcher.observe([&](const Site&, const at::Tensor&) { ++captures; });
  model.forward(make_tokens(2, 5, seed));
  scope.finish();
  return captures;
}

/// The operators that the user's own observer counts in one forward.
int counted(Model& model) {
  user_starts = 0;
  user_ends = 0;
  model.forward(make_tokens());
  REQUIRE(user_starts == user_ends);
  return user_starts;
}

}  // namespace

TEST_CASE("two models are observed at once on two threads, and each sees its own", "[scope]") {
  constexpr int kPasses = 10;
  auto student = make_gpt();
  auto teacher = make_post_norm();
  Barrier barrier(2);
  Seen of_student;
  Seen of_teacher;
  std::thread first([&] { train(*student, kPasses, 0, barrier, of_student); });
  std::thread second([&] { train(*teacher, kPasses, 50, barrier, of_teacher); });
  first.join();
  second.join();
  REQUIRE(of_student.passes == kPasses);
  REQUIRE(of_teacher.passes == kPasses);
  REQUIRE(of_student.wrong == 0);
  REQUIRE(of_teacher.wrong == 0);
  REQUIRE(of_student.names == std::vector<std::string>{"embedding", "blocks.0", "blocks.1", "blocks.2"});
  REQUIRE(of_teacher.names == std::vector<std::string>{"embedding", "layers.0", "layers.1", "layers.2"});
  REQUIRE_FALSE(at::hasThreadLocalCallbacks());
}

TEST_CASE("the user's own observer is called as before, and stays", "[scope]") {
  auto model = make_gpt();
  Watcher watcher(model->module());
  const bool thread_local_one = GENERATE(true, false);
  const auto callback = at::RecordFunctionCallback(user_start, user_end).scopes({at::RecordScope::FUNCTION});
  // One stands before our scopes, the other is added while one is open.
  const auto early = thread_local_one ? at::addThreadLocalCallback(callback) : at::addGlobalCallback(callback);
  const int alone = counted(*model);
  REQUIRE(alone > 50);
  for (int pass = 0; pass < 3; ++pass) {
    user_starts = 0;
    user_ends = 0;
    REQUIRE(count_captures(watcher, *model, pass) == 4);
    REQUIRE(user_starts == user_ends);
    REQUIRE(user_starts >= alone);
    REQUIRE(counted(*model) == alone);  // our observer left, the user's did not
  }
  {
    auto scope = watcher.observe({});
    const auto late = thread_local_one ? at::addThreadLocalCallback(callback) : at::addGlobalCallback(callback);
    REQUIRE(counted(*model) == 2 * alone);  // captures of nothing run no operator
    scope.finish();
    REQUIRE(counted(*model) == 2 * alone);
    at::removeCallback(late);
  }
  REQUIRE(counted(*model) == alone);
  {
    auto scope = watcher.observe({});
    at::removeCallback(early);  // while ours is installed
    REQUIRE(counted(*model) == 0);
    scope.finish();
  }
  REQUIRE_FALSE(at::hasThreadLocalCallbacks());
  REQUIRE(count_captures(watcher, *model, 7) == 4);
}
