#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <csignal>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/environment.hpp>
#include <infoplane/distributed/process_group.hpp>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "conformance.hpp"
#include "operations.hpp"
#include "process_ranks.hpp"

// Faults among real processes over Gloo: whatever happens to one rank, the others get an error soon, and end.
namespace {

using infoplane::CommunicationError;
using infoplane::distributed::Communicator;
using infoplane::distributed::ProcessGroup;
using infoplane::distributed::ProcessGroupOptions;
using infoplane::test::call;
using infoplane::test::kOperations;
using infoplane::test::ProcessRanks;
using infoplane::test::RankOutcome;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

using Report = std::function<void(const std::string&)>;
using Loop = std::function<void(Communicator&)>;

constexpr int kRounds = 50;
constexpr int kFinished = 0;
constexpr int kGotError = 3;

// One rank: joins, does its loop and reports the error that ends it. Joining has its own timeout, as on a busy machine.
int live(milliseconds timeout, const Report& report, const Loop& loop) {
  at::set_num_threads(1);
  const auto group = infoplane::distributed::make_gloo_group(infoplane::distributed::read_launch_environment(),
                                                             ProcessGroupOptions().timeout(30s));
  ProcessGroup(group, ProcessGroupOptions().timeout(30s)).all_gather(at::ones({1}, at::kLong));  // all are connected
  ProcessGroup communicator(group, ProcessGroupOptions().timeout(timeout));
  report("ready\n");
  try {
    loop(communicator);
    return kFinished;
  } catch (const CommunicationError& e) {
    report("error in " + e.operation() + " by rank " + std::to_string(e.rank()) + " waited " +
           std::to_string(e.waited().count()) + " ms: " + e.what() + "\n");
    return kGotError;
  }
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What each survivor must have: an error with operation and time, within the timeout and 5 s more; its process ended in
// that time since it was waited for, or `before` later, where it had to start first.
void check_survivor(const RankOutcome& outcome, const std::string& operation, milliseconds timeout,
                    milliseconds before = 0ms) {
  CAPTURE(outcome.report, outcome.exit_code, outcome.signal, outcome.ended_after.count());
  REQUIRE_FALSE(outcome.hung);
  REQUIRE(outcome.exit_code == kGotError);
  REQUIRE(holds(outcome.report, "error in " + operation));
  const auto waited = outcome.report.find(" waited ");
  REQUIRE(waited != std::string::npos);
  REQUIRE(milliseconds(std::stoll(outcome.report.substr(waited + 8))) < timeout + 5s);
  REQUIRE(outcome.ended_after < timeout + 5s + before);
}

// Whether another rank than `culprit` blames it.
bool is_named(const std::vector<RankOutcome>& outcomes, int culprit) {
  bool named = false;
  for (int rank = 0; rank < static_cast<int>(outcomes.size()); ++rank) {
    named = named || (rank != culprit && holds(outcomes[rank].report, "by rank " + std::to_string(culprit)));
  }
  return named;
}

// `rounds` times `ranks` processes in `loop`, of which `victim` is killed at a random moment.
void kill_in(int ranks, int rounds, const std::string& operation, const Loop& loop) {
  std::mt19937 random(7);
  int rounds_named = 0;
  for (int round = 0; round < rounds; ++round) {
    const int victim = round % ranks;
    ProcessRanks processes(ranks, [&](int, const Report& report) { return live(2s, report, loop); });
    REQUIRE(processes.await_report("ready", 60s));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20000));
    processes.kill(victim, SIGKILL);
    const auto outcomes = processes.wait(20s);
    for (int rank = 0; rank < ranks; ++rank) {
      CAPTURE(round, rank, victim);
      if (rank == victim) {
        REQUIRE(outcomes[rank].signal == SIGKILL);
        REQUIRE_FALSE(outcomes[rank].hung);
      } else {
        check_survivor(outcomes[rank], operation, 2s);
      }
    }
    rounds_named += is_named(outcomes, victim) ? 1 : 0;
    REQUIRE_FALSE(infoplane::test::has_children());
  }
  // One that noticed it later may be taken for the victim, as it leaves, too.
  REQUIRE(rounds_named >= rounds * 8 / 10);
}

}  // namespace

TEST_CASE("processes over Gloo conform, joined by from_environment", "[distributed]") {
  ProcessRanks processes(3, [](int, const Report& report) {
    at::set_num_threads(1);
    const auto communicator =
        infoplane::distributed::from_environment(infoplane::distributed::FromEnvironmentOptions().timeout(30s));
    for (const auto& conformance : infoplane::test::conformance_cases()) {
      try {
        conformance.run(*communicator);
      } catch (const std::exception& e) {
        report(std::string(conformance.name) + ": " + e.what());
        return kGotError;
      }
    }
    return kFinished;
  });
  for (const RankOutcome& outcome : processes.wait(90s)) {
    CAPTURE(outcome.report, outcome.signal, outcome.hung);
    REQUIRE(outcome.exit_code == kFinished);
  }
}

TEST_CASE("ranks that do not all come are an error of joining", "[distributed]") {
  ProcessRanks processes(2, [](int rank, const Report& report) {
    if (rank == 1) {
      return kFinished;
    }
    try {
      infoplane::distributed::from_environment(infoplane::distributed::FromEnvironmentOptions().timeout(1s));
    } catch (const CommunicationError& e) {
      report(e.operation() + ": " + e.what());
      return kGotError;
    }
    return kFinished;
  });
  const auto outcomes = processes.wait(20s);
  CAPTURE(outcomes[0].report);
  REQUIRE(outcomes[0].exit_code == kGotError);
  REQUIRE(holds(outcomes[0].report, "join: rank 0 of 2 could not join a Gloo group at 127.0.0.1:"));
  REQUIRE(outcomes[0].ended_after < 6s);
}

TEST_CASE("a rank killed in a collective ends no other in a hang", "[distributed]") {
  for (int operation = 0; operation < 5; ++operation) {
    kill_in(3, kRounds / 5, kOperations[operation], [&](Communicator& communicator) {
      while (true) {
        call(communicator, operation);
      }
    });
  }
}

TEST_CASE("a rank killed at any moment of a mixed loop ends no other in a hang", "[distributed]") {
  kill_in(4, kRounds, "", [](Communicator& communicator) {
    for (int i = 0;; ++i) {
      call(communicator, i % 5);
    }
  });
}

TEST_CASE("a rank late beyond the timeout is an error on those that wait", "[distributed]") {
  constexpr int kAtOnce = 5;  // they sleep most of the time
  int rounds_named = 0;
  for (int first = 0; first < kRounds; first += kAtOnce) {
    std::vector<std::unique_ptr<ProcessRanks>> worlds;
    for (int round = first; round < first + kAtOnce; ++round) {
      worlds.push_back(std::make_unique<ProcessRanks>(3, [round](int rank, const Report& report) {
        return live(400ms, report, [&](Communicator& communicator) {
          if (rank == round % 3) {
            std::this_thread::sleep_for(1000ms);
          }
          call(communicator, round % 5);
        });
      }));
    }
    for (int round = first; round < first + kAtOnce; ++round) {
      const int late = round % 3;
      const auto outcomes = worlds[static_cast<std::size_t>(round - first)]->wait(60s);
      for (int rank = 0; rank < 3; ++rank) {
        CAPTURE(round, rank, late);
        check_survivor(outcomes[rank], kOperations[round % 5], 400ms, 20s);  // all five worlds have to start, too
      }
      rounds_named += is_named(outcomes, late) ? 1 : 0;
    }
  }
  // On a busy machine another one may be late as well, and be blamed first.
  REQUIRE(rounds_named >= kRounds * 8 / 10);
}

TEST_CASE("a rank that leaves the loop early is an error on the others", "[distributed]") {
  for (int round = 0; round < kRounds; ++round) {
    const int leaver = round % 3;
    ProcessRanks processes(3, [&](int rank, const Report& report) {
      return live(2s, report, [&](Communicator& communicator) {
        for (int i = 0; rank != leaver || i < 3; ++i) {
          call(communicator, round % 5);
        }
      });
    });
    REQUIRE(processes.await_report("ready", 60s));
    const auto outcomes = processes.wait(60s);
    for (int rank = 0; rank < 3; ++rank) {
      CAPTURE(round, rank, leaver);
      if (rank != leaver) {
        check_survivor(outcomes[rank], kOperations[round % 5], 2s);
      }
    }
  }
}

TEST_CASE("ranks with other sizes, dtypes or calls are an error on all", "[distributed]") {
  for (int round = 0; round < kRounds; ++round) {
    const int odd = round % 3;
    ProcessRanks processes(3, [&](int rank, const Report& report) {
      return live(2s, report, [&](Communicator& communicator) {
        const bool differs = rank == odd;
        at::Tensor values =
            at::ones({differs && round % 3 == 0 ? 2999 : 3000}, differs && round % 3 == 1 ? at::kFloat : at::kDouble);
        differs&& round % 3 == 2 ? communicator.max(values) : communicator.sum(values);
      });
    });
    REQUIRE(processes.await_report("ready", 60s));
    const auto outcomes = processes.wait(60s);
    for (int rank = 0; rank < 3; ++rank) {
      CAPTURE(round, rank, odd);
      check_survivor(outcomes[rank], "", 2s);
    }
    const std::string& told = outcomes[(odd + 1) % 3].report;
    CAPTURE(told);
    REQUIRE((holds(told, "rank " + std::to_string(odd) + " asked for ") || holds(told, "failed: ")));
  }
}
