#include <ATen/Parallel.h>
#include <ATen/ops/ones.h>

#include <catch2/catch_test_macros.hpp>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <functional>
#include <infoplane/callbacks/early_stopping.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/byte_communicator.hpp>
#include <infoplane/distributed/environment.hpp>
#include <infoplane/distributed/process_group.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <memory>
#include <random>
#include <thread>

#include "distributed/process_ranks.hpp"
#include "monitor/rank_steps.hpp"

// Monitors in real processes over Gloo, and what goes wrong with one of them. This process must start no thread of
// LibTorch, so all computing is in the ranks.
namespace {

using infoplane::CommunicationError;
using infoplane::EarlyStopping;
using infoplane::EarlyStoppingOptions;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::distributed::Communicator;
using infoplane::distributed::ProcessGroup;
using infoplane::distributed::ProcessGroupOptions;
using infoplane::test::ProcessRanks;
using infoplane::test::RankOutcome;
using infoplane::test::step_of;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

using Report = std::function<void(const std::string&)>;
constexpr int kRounds = 50;
constexpr int kFinished = 0, kLostPeer = 3, kRefused = 4;

/// A run file, removed with its test.
struct RunFile {
  explicit RunFile(const std::string& name)
      : path((std::filesystem::temp_directory_path() / (name + "." + std::to_string(getpid()) + ".jsonl")).string()) {}
  RunFile(const RunFile&) = delete;
  RunFile& operator=(const RunFile&) = delete;
  ~RunFile() { std::filesystem::remove(path); }
  std::size_t points() const { return infoplane::read_run_file(path).points.size(); }
  const std::string path;
};

/// Joining has its own timeout, as on a busy machine.
std::shared_ptr<Communicator> join(milliseconds timeout) {
  at::set_num_threads(1);
  const auto environment = infoplane::distributed::read_launch_environment();
  const auto group = infoplane::distributed::make_gloo_group(environment, ProcessGroupOptions().timeout(60s));
  const auto met = std::make_unique<ProcessGroup>(group, ProcessGroupOptions().timeout(60s));
  infoplane::distributed::ByteCommunicator(*met).all_gather("");  // all are connected
  return std::make_shared<ProcessGroup>(group, ProcessGroupOptions().timeout(timeout));
}

/// One rank's loop; what ends it is reported, and its exit code says of which kind it was. `before` comes before the
/// steps' ends.
int train(
    Monitor& monitor, std::int64_t steps, const Report& report,
    const std::function<void(std::int64_t)>& before = [](std::int64_t) {}) {
  try {
    for (std::int64_t step = 0; step < steps; ++step) {
      before(step);
      if (step_of(monitor, step, 1.0)) {
        report("point " + std::to_string(step) + "\n");
      }
    }
    return kFinished;
  } catch (const CommunicationError& error) {
    report("lost rank " + std::to_string(error.rank()) + " in " + error.operation() + " after " +
           std::to_string(error.waited().count()) + " ms: " + error.what() + "\n");
    return kLostPeer;
  } catch (const infoplane::ArgumentError& error) {
    report(std::string("refused: ") + error.what() + "\n");
    return kRefused;
  }
}

Monitor make_monitor(const RunFile& file, const MonitorOptions& options, milliseconds timeout) {
  Monitor monitor(options, join(timeout));
  monitor.add_sink(infoplane::JsonLinesSink(file.path, infoplane::OpenMode::kOverwrite));
  return monitor;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// An error with operation, time and where it came from, within the timeout and 5 s more; its process ended in that
/// time since it was waited for, or `before` later, where it had to start first.
void check_survivor(const RankOutcome& outcome, milliseconds timeout, milliseconds before = 0ms) {
  CAPTURE(outcome.report, outcome.exit_code, outcome.signal, outcome.ended_after.count());
  REQUIRE_FALSE(outcome.hung);
  REQUIRE(outcome.exit_code == kLostPeer);
  REQUIRE(outcome.ended_after < timeout + 5s + before);
  const auto waited = outcome.report.find(" after ", outcome.report.find("lost rank "));
  REQUIRE(waited != std::string::npos);
  REQUIRE(std::stoll(outcome.report.substr(waited + 7)) < (timeout + 5s) / 1ms);
  REQUIRE((holds(outcome.report, " in sum ") || holds(outcome.report, " in broadcast ") ||
           holds(outcome.report, " in all_gather ") || holds(outcome.report, " in all_to_all ")));
}

/// Whether another rank than `culprit` blames it.
bool is_named(const std::vector<RankOutcome>& outcomes, int culprit) {
  bool named = false;
  for (int rank = 0; rank < static_cast<int>(outcomes.size()); ++rank) {
    named = named || (rank != culprit && holds(outcomes[rank].report, "lost rank " + std::to_string(culprit)));
  }
  return named;
}

}  // namespace

TEST_CASE("processes stop at the same step, whatever each of them sees", "[distributed][processes]") {
  for (const int ranks : {2, 3, 4}) {
    for (const std::string metric : {"loss", "I(X;Z)/input_unigram", "validation_loss"}) {
      CAPTURE(ranks, metric);
      ProcessRanks processes(ranks, [&](int, const Report& report) {
        report(infoplane::test::stop_on(metric, join(60s)));
        return kFinished;
      });
      const auto outcomes = processes.wait(60s);
      for (const auto& outcome : outcomes) {
        CHECK(outcome.exit_code == kFinished);
        CHECK(outcome.report == outcomes[0].report);
      }
      CHECK(outcomes[0].report.starts_with("stopped at step "));
      CHECK_FALSE(holds(outcomes[0].report, "step -1"));
    }
  }
}

TEST_CASE("a rank killed at any moment: the others get an error in time, and the run file reads",
          "[distributed][processes]") {
  constexpr auto kTimeout = 4s;
  const RunFile file("killed");
  std::mt19937 random(5);
  int rounds_named = 0;
  for (int round = 0; round < kRounds; ++round) {
    ProcessRanks processes(3, [&](int, const Report& report) {
      auto monitor = make_monitor(file, MonitorOptions().every(1), kTimeout);
      return train(monitor, 1'000'000, report);
    });
    REQUIRE(processes.await_report("point 1\n", 60s));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
    const int victim = static_cast<int>(random() % 3);
    processes.kill(victim, SIGKILL);
    const auto outcomes = processes.wait(kTimeout + 20s);
    for (int rank = 0; rank < 3; ++rank) {
      CAPTURE(round, rank, victim);
      if (rank == victim) {
        REQUIRE(outcomes[rank].signal == SIGKILL);
      } else {
        check_survivor(outcomes[rank], kTimeout);
      }
    }
    rounds_named += is_named(outcomes, victim) ? 1 : 0;
    REQUIRE(file.points() >= 2);
    REQUIRE_FALSE(infoplane::test::has_children());
  }
  // One that noticed it later may be taken for the victim, as it leaves, too.
  REQUIRE(rounds_named >= kRounds * 8 / 10);
}

TEST_CASE("a rank that is late beyond the timeout is an error on all", "[distributed][processes]") {
  constexpr auto kTimeout = 500ms;
  constexpr int kAtOnce = 5;  // they sleep most of the time
  int rounds_named = 0;
  for (int round = 0; round < kRounds; round += kAtOnce) {
    std::vector<std::unique_ptr<RunFile>> files;
    std::vector<std::unique_ptr<ProcessRanks>> worlds;
    for (int i = 0; i < kAtOnce; ++i) {
      const int late = (round + i) % 3;
      files.push_back(std::make_unique<RunFile>("late" + std::to_string(i)));
      worlds.push_back(std::make_unique<ProcessRanks>(3, [&, late, i](int rank, const Report& report) {
        auto monitor = make_monitor(*files[i], MonitorOptions().every(2), kTimeout);
        return train(monitor, 20, report, [&](std::int64_t step) {
          if (rank == late && step == 4) {
            std::this_thread::sleep_for(1200ms);
          }
        });
      }));
    }
    for (int i = 0; i < kAtOnce; ++i) {
      const int late = (round + i) % 3;
      const auto outcomes = worlds[i]->wait(30s);
      for (int rank = 0; rank < 3; ++rank) {
        CAPTURE(round + i, rank, late);
        check_survivor(outcomes[rank], kTimeout, 20s);  // all five worlds have to start, too
      }
      rounds_named += is_named(outcomes, late) ? 1 : 0;
      REQUIRE(files[i]->points() <= 2);
    }
    REQUIRE_FALSE(infoplane::test::has_children());
  }
  // On a busy machine another one may be late as well, and be blamed first.
  REQUIRE(rounds_named >= kRounds * 8 / 10);
}

TEST_CASE("a rank that leaves the loop early is an error on the others", "[distributed][processes]") {
  constexpr auto kTimeout = 4s;
  const RunFile file("left");
  for (int round = 0; round < kRounds; ++round) {
    const int leaver = round % 3;
    ProcessRanks processes(3, [&](int rank, const Report& report) {
      auto monitor = make_monitor(file, MonitorOptions().every(2), kTimeout);
      return train(monitor, rank == leaver ? 5 : 20, report);
    });
    REQUIRE(processes.await_report("point 4\n", 60s));
    const auto outcomes = processes.wait(60s);
    for (int rank = 0; rank < 3; ++rank) {
      CAPTURE(round, rank, leaver);
      if (rank == leaver) {
        REQUIRE(outcomes[rank].exit_code == kFinished);
      } else {
        check_survivor(outcomes[rank], kTimeout);
      }
    }
    REQUIRE(file.points() == 3);
    REQUIRE_FALSE(infoplane::test::has_children());
  }
}

TEST_CASE("a rank with other options is the same error on all", "[distributed][processes]") {
  using infoplane::estimator::SoftEntropyOptions;
  const RunFile file("options");
  struct Difference {
    std::function<void(MonitorOptions&)> make;
    std::string text;
  };
  const std::vector<Difference> differences = {
      {[](auto& o) { o.labels(infoplane::labels::LabelOptions().output_orders({1})); }, "output orders (1, 2 and 1)"},
      {[](auto& o) { o.estimator(SoftEntropyOptions().anchors(64)); }, "m (100 and 64)"},
      {[](auto& o) { o.estimator(SoftEntropyOptions().seed(3)); }, "seed (0 and 3)"},
      {[](auto& o) { o.sites("blocks.1"); }, "number of sites (2 and 1)"}};
  for (int round = 0; round < kRounds; ++round) {
    const auto& [make, text] = differences[static_cast<std::size_t>(round) % differences.size()];
    ProcessRanks processes(2, [&, &make = make](int rank, const Report& report) {
      auto options = MonitorOptions().every(2);
      if (rank == 1) {
        make(options);
      }
      auto monitor = make_monitor(file, options, 60s);
      return train(monitor, 10, report);
    });
    const auto outcomes = processes.wait(30s);
    for (const auto& outcome : outcomes) {
      CAPTURE(round, outcome.report, outcome.signal);
      REQUIRE(outcome.exit_code == kRefused);
      REQUIRE(holds(outcome.report, "refused: ranks 0 and 1 differ in " + text));
      REQUIRE(outcome.report == outcomes[0].report);
    }
    REQUIRE_FALSE(infoplane::test::has_children());
  }
}

TEST_CASE("a rank that ends another step or stream, or fails while it measures: the same error on all, and they go on",
          "[distributed][processes]") {
  const RunFile file("astray");
  const std::vector<std::string> texts = {
      "ranks end different steps: rank 0 is at step 2 of train, rank 1 at step 4 of",
      "rank 0 is at step 2 of train, rank 1 at step 0 of heldout",
      "step 2 of train failed on rank 1: site \"blocks.0\" fired with shape [3, 5, 8]"};
  for (int round = 0; round < kRounds; ++round) {
    const std::size_t kind = static_cast<std::size_t>(round) % texts.size();
    ProcessRanks processes(2, [&](int rank, const Report& report) {
      auto monitor = make_monitor(file, MonitorOptions().every(2), 60s);
      step_of(monitor, 0, 1.0);
      try {
        if (rank == 1 && kind == 1) {
          monitor.end_heldout(0);
        } else if (rank == 1 && kind == 2) {
          const auto observation = monitor.observe(2, infoplane::test::tokens_of(2));
          infoplane::tap("blocks.0", at::ones({3, 5, 8}));
        }
        step_of(monitor, rank == 1 && kind == 0 ? 4 : 2, 1.0);
      } catch (const infoplane::StateError& error) {
        report(error.what());
        const auto point = step_of(monitor, 6, 1.0);
        return point && point->tokens == 96 ? kRefused : kFinished;
      }
      return kFinished;
    });
    const auto outcomes = processes.wait(30s);
    for (const auto& outcome : outcomes) {
      CAPTURE(round, outcome.report, outcome.signal, outcome.hung);
      REQUIRE(outcome.exit_code == kRefused);
      REQUIRE(holds(outcome.report, texts[kind]));
      REQUIRE(outcome.report == outcomes[0].report);
    }
    REQUIRE(file.points() == 2);
    REQUIRE_FALSE(infoplane::test::has_children());
  }
}

TEST_CASE("activations that are NaN on one rank are counted on all, and a loss that is NaN stops all",
          "[distributed][processes]") {
  const RunFile file("nan");
  for (int round = 0; round < kRounds; ++round) {
    const int broken = round % 2;
    ProcessRanks processes(2, [&](int rank, const Report& report) {
      auto monitor = make_monitor(file, MonitorOptions().every(1), 60s);
      EarlyStopping stopping(EarlyStoppingOptions().split("train").monitor("loss").check_finite(true).patience(100));
      const double nan = std::nan("");
      for (std::int64_t step = 0; step < 20 && !stopping.stopped(); ++step) {
        const bool now = rank == broken && step >= 1;
        stopping.update(*step_of(monitor, step, now && step >= 2 ? nan : 1.0, now ? nan : 0));
      }
      report(std::string(to_string(stopping.reason())) + " at step " + std::to_string(stopping.stopped_step()));
      return kFinished;
    });
    for (const auto& outcome : processes.wait(30s)) {
      CAPTURE(round, broken, outcome.signal, outcome.hung);
      REQUIRE(outcome.exit_code == kFinished);
      REQUIRE(outcome.report == "not finite at step 2");
    }
    const auto run = infoplane::read_run_file(file.path);
    REQUIRE(run.points.size() == 3);
    for (const auto& point : run.points) {
      CAPTURE(round, point.step);
      REQUIRE(point.tokens == 96);
      REQUIRE(point.layers.at(0).rejected == (point.step >= 1 ? 48 : 0));
      REQUIRE(std::isfinite(infoplane::plane::value_at(point.layers[0].metrics, "I(X;Z)/input_unigram")));
    }
    REQUIRE_FALSE(infoplane::test::has_children());
  }
}
