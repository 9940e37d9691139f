#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/environment.hpp>
#include <infoplane/distributed/process_group.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <infoplane/sinks/run_file.hpp>
#include <random>
#include <thread>

#include "distributed/process_ranks.hpp"
#include "monitor/rank_layouts.hpp"

// Monitors in real processes, over Gloo. This process must start no thread of LibTorch, so all computing is in ranks.
namespace {

using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::distributed::Communicator;
using infoplane::distributed::ProcessGroup;
using infoplane::distributed::ProcessGroupOptions;
using infoplane::test::ProcessRanks;
using infoplane::test::RankOutcome;
using namespace std::chrono_literals;

using Report = std::function<void(const std::string&)>;
constexpr auto kTimeout = 4s;
constexpr int kFinished = 0, kRefused = 4, kLostPeer = 3;

std::string file_of(const std::string& name) {
  return (std::filesystem::temp_directory_path() / (name + "." + std::to_string(getpid()) + ".jsonl")).string();
}

std::shared_ptr<Communicator> join() {
  at::set_num_threads(1);
  const auto environment = infoplane::distributed::read_launch_environment();
  const auto group = infoplane::distributed::make_gloo_group(environment, ProcessGroupOptions().timeout(60s));
  ProcessGroup(group, ProcessGroupOptions().timeout(60s)).all_gather(at::ones({1}, at::kLong));  // all are connected
  return std::make_shared<ProcessGroup>(group, ProcessGroupOptions().timeout(kTimeout));
}

at::Tensor activations_of(const at::Tensor& tokens) {
  return ((tokens.to(at::kFloat).unsqueeze(-1) + 1) * (at::arange(16) + 1) * 0.37).sin();
}

/// One rank's loop, until `steps`; what ends it is reported, and its exit code says of which kind it was.
int train(Monitor& monitor, std::int64_t steps, const Report& report) {
  try {
    for (std::int64_t step = 0; step < steps; ++step) {
      const at::Tensor tokens =
          (at::arange(256) * (step + 5) + at::arange(256).div(3, "floor")).remainder(31).view({8, 32});
      {
        const auto observation = monitor.observe(step, tokens);
        infoplane::tap("blocks.0", activations_of(tokens));
      }
      if (monitor.end_step(step, 1.0)) {
        report("point " + std::to_string(step) + "\n");
      }
    }
    return kFinished;
  } catch (const infoplane::CommunicationError& error) {
    report(std::string("lost: ") + error.what() + "\n");
    return kLostPeer;
  } catch (const infoplane::ArgumentError& error) {
    report(std::string("refused: ") + error.what() + "\n");
    return kRefused;
  }
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void check_survivor(const RankOutcome& outcome) {
  CAPTURE(outcome.report, outcome.exit_code, outcome.signal, outcome.ended_after.count());
  CHECK_FALSE(outcome.hung);
  CHECK(outcome.exit_code == kLostPeer);
  CHECK(outcome.ended_after < kTimeout + 5s);
  CHECK(holds(outcome.report, "failed on rank "));
  CHECK(holds(outcome.report, " s: "));  // the time waited
}

}  // namespace

TEST_CASE("processes of each layout write the plane of one", "[distributed][processes]") {
  const std::string alone = file_of("alone"), together = file_of("together");
  {
    ProcessRanks one(1, [&](int, const Report&) {
      at::set_num_threads(1);
      infoplane::test::run_layout("data", nullptr, alone);
      return 0;
    });
    REQUIRE(one.wait(60s).at(0).exit_code == 0);
  }
  const auto expected = infoplane::read_run_file(alone).points;
  REQUIRE(expected.size() == 2);
  for (const std::string layout : {"data", "tensor", "context", "pipeline"}) {
    for (const int ranks : {2, 4}) {
      CAPTURE(layout, ranks);
      ProcessRanks processes(ranks, [&](int, const Report& report) {
        for (const auto& point : infoplane::test::run_layout(layout, join(), together)) {
          for (const auto& [key, value] : point.mean) {
            char text[64];
            std::snprintf(text, sizeof text, "%a\n", value);
            report(key + " " + text);
          }
        }
        return 0;
      });
      const auto outcomes = processes.wait(90s);
      for (const auto& outcome : outcomes) {
        CHECK(outcome.exit_code == 0);
        CHECK(!outcome.report.empty());
        CHECK(outcome.report == outcomes[0].report);
      }
      const auto run = infoplane::read_run_file(together);
      CHECK(run.header.world_size == ranks);
      CHECK(infoplane::test::compare_points(run.points, expected, layout == "tensor") == "");
      CHECK(run.points.at(0).bytes_sent > 0);
    }
  }
  std::filesystem::remove(alone);
  std::filesystem::remove(together);
}

TEST_CASE("a rank killed at any moment: the others get an error in time, and the run file reads",
          "[distributed][processes]") {
  const std::string path = file_of("killed");
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    ProcessRanks processes(3, [&](int, const Report& report) {
      Monitor monitor(MonitorOptions().every(1), join());
      monitor.make_sink<infoplane::JsonLinesSink>(path, infoplane::sinks::OpenMode::kOverwrite);
      return train(monitor, 1'000'000, report);
    });
    REQUIRE(processes.await_report("point 1\n", 60s));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30'000));
    const int victim = static_cast<int>(random() % 3);
    processes.kill(victim, SIGKILL);
    const auto outcomes = processes.wait(kTimeout + 20s);
    CAPTURE(round, victim);
    for (int rank = 0; rank < 3; ++rank) {
      if (rank == victim) {
        CHECK(outcomes[rank].signal == SIGKILL);
      } else {
        check_survivor(outcomes[rank]);
      }
    }
    CHECK(infoplane::read_run_file(path).points.size() >= 2);
    CHECK_FALSE(infoplane::test::has_children());
  }
  std::filesystem::remove(path);
}

TEST_CASE("a rank that leaves the loop early", "[distributed][processes]") {
  const std::string path = file_of("left");
  ProcessRanks processes(3, [&](int rank, const Report& report) {
    Monitor monitor(MonitorOptions().every(2), join());
    monitor.make_sink<infoplane::JsonLinesSink>(path, infoplane::sinks::OpenMode::kOverwrite);
    return train(monitor, rank == 1 ? 5 : 20, report);
  });
  const auto outcomes = processes.wait(60s);
  CHECK(outcomes[1].exit_code == kFinished);
  check_survivor(outcomes[0]);
  check_survivor(outcomes[2]);
  CHECK(infoplane::read_run_file(path).points.size() == 3);
  std::filesystem::remove(path);
}

TEST_CASE("a rank with other options: the same error on all", "[distributed][processes]") {
  const std::vector<std::function<void(MonitorOptions&)>> changes = {
      [](auto& o) { o.labels(infoplane::labels::LabelOptions().output_orders({1})); },
      [](auto& o) { o.estimator(infoplane::estimator::SoftEntropyOptions().anchors(64)); },
      [](auto& o) { o.estimator(infoplane::estimator::SoftEntropyOptions().seed(3)); }};
  const std::vector<std::string> names = {"output orders (1, 2 and 1)", "m (100 and 64)", "seed (0 and 3)"};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    ProcessRanks processes(2, [&](int rank, const Report& report) {
      auto options = MonitorOptions().every(2);
      if (rank == 1) {
        changes[i](options);
      }
      Monitor monitor(options, join());
      return train(monitor, 10, report);
    });
    for (const auto& outcome : processes.wait(60s)) {
      CAPTURE(outcome.report);
      CHECK(outcome.exit_code == kRefused);
      CHECK(holds(outcome.report, "refused: ranks 0 and 1 differ in " + names[i]));
    }
  }
}
