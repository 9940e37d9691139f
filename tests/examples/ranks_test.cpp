#include <ATen/Parallel.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <csignal>
#include <infoplane/distributed/environment.hpp>
#include <infoplane/runs/run_file.hpp>
#include <memory>
#include <string>
#include <vector>

#include "distributed/process_ranks.hpp"
#include "layouts.hpp"
#include "monitor/compare_points.hpp"
#include "needs.hpp"
#include "program.hpp"
#include "small_run.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::StartsWith;
using examples_test::Program;
using examples_test::sentences;
using examples_test::small_run;
using examples_test::TemporaryFolder;
using infoplane::test::ProcessRanks;
using namespace std::chrono_literals;

namespace {

/// A program on two ranks, as started by torchrun or the README's shell line.
struct Pair {
  explicit Pair(const std::vector<std::string>& arguments, const char* program = INFOPLANE_TRAIN_TEXT) {
    const std::string port = "MASTER_PORT=" + std::to_string(infoplane::test::free_port());
    for (std::size_t rank = 0; rank < 2; ++rank) {
      programs[rank] = std::make_unique<Program>(
          program, arguments,
          std::vector<std::string>{"RANK=" + std::to_string(rank), "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1", port});
    }
  }
  std::array<std::unique_ptr<Program>, 2> programs;
};

/// The run of one process within noise: the two train on the same rows, and differ by the rounding of sums, which
/// training amplifies (3e-6 were seen after 60 steps). Corrected values come from other parts of the rows, so they
/// differ too, by less than their standard error where there are thousands of tokens.
void check_same_run(const infoplane::RunFile& got, const infoplane::RunFile& expected) {
  CHECK(got.header.world_size == 2);
  REQUIRE(got.points.size() == expected.points.size());
  for (std::size_t p = 0; p < got.points.size(); ++p) {
    const auto &mine = got.points[p], &theirs = expected.points[p];
    CAPTURE(mine.step, mine.split);
    CHECK(mine.step == theirs.step);
    CHECK(mine.split == theirs.split);
    CHECK(mine.tokens == theirs.tokens);
    CHECK(std::abs(mine.loss - theirs.loss) < 1e-4);
    REQUIRE(mine.layers.size() == theirs.layers.size());
    for (std::size_t l = 0; l < mine.layers.size(); ++l) {
      for (const std::string key : {"H(Z)", "I(X;Z)/input_unigram", "I(Y;Z)/output_unigram"}) {
        CAPTURE(mine.layers[l].name, key);
        const auto& metrics = theirs.layers[l].metrics;
        CHECK(std::abs(infoplane::plane::value_at(mine.layers[l].metrics, key) -
                       infoplane::plane::value_at(metrics, key)) < 1e-4);
        const double error = infoplane::plane::value_at(metrics, key + "/standard_error");
        if (std::isfinite(error) && mine.split == "heldout") {
          CHECK(std::abs(infoplane::plane::value_at(mine.layers[l].metrics, key + "/corrected") -
                         infoplane::plane::value_at(metrics, key + "/corrected")) < 4 * error);
        }
      }
    }
  }
}

std::vector<std::string> short_run() {
  return {"--steps", "30",       "--every", "15",      "--window", "8",         "--width",
          "32",      "--layers", "2",       "--batch", "8",        "--context", "32"};
}

}  // namespace

// First, as ranks that are forks need a process in which LibTorch has started no thread.
TEST_CASE("processes of each layout of the demo's model write the plane of one process", "[examples][distributed]") {
  const TemporaryFolder folder;
  const auto alone = (folder.path() / "alone.jsonl").string(), together = (folder.path() / "together.jsonl").string();
  const auto run = [](int ranks, const std::string& layout, const std::string& file) {
    ProcessRanks processes(ranks, [&](int, const std::function<void(const std::string&)>&) {
      at::set_num_threads(1);
      examples_test::run_layout(layout, ranks == 1 ? nullptr : infoplane::distributed::from_environment(), file);
      return 0;
    });
    for (const auto& outcome : processes.wait(240s)) {
      CHECK(outcome.exit_code == 0);
    }
    return infoplane::read_run_file(file);
  };
  const auto expected = run(1, "data", alone).points;
  REQUIRE(expected.size() == 2);
  REQUIRE(expected[1].layers.size() == 5);
  for (const std::string layout : {"data", "fsdp", "tensor", "context", "pipeline"}) {
    for (const int ranks : {2, 4}) {
      CAPTURE(layout, ranks);
      const auto got = run(ranks, layout, together);
      CHECK(got.header.world_size == ranks);
      const std::string wrong = infoplane::test::compare_points(got.points, expected, false);
      CAPTURE(wrong);
      CHECK(wrong.empty());
      CHECK(got.points.at(0).bytes_sent > 0);
    }
  }
}

TEST_CASE("train_text on two ranks gives the run of one process", "[examples][distributed]") {
  Program alone(INFOPLANE_TRAIN_TEXT, short_run());
  REQUIRE(alone.finish().exit_code == 0);
  const auto expected = infoplane::read_run_file(alone.file("run.jsonl"));

  Pair pair(short_run());
  for (auto& program : pair.programs) {
    const auto outcome = program->finish();
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 0);
    CHECK(outcome.err.empty());
    CHECK(outcome.out.empty() == (program != pair.programs[0]));
  }
  check_same_run(infoplane::read_run_file(pair.programs[0]->file("run.jsonl")), expected);
  CHECK(std::filesystem::exists(pair.programs[0]->file("run.html")));
  CHECK_FALSE(std::filesystem::exists(pair.programs[1]->file("run.jsonl")));
}

TEST_CASE("train_text under mpirun gives the run of one process", "[examples][distributed][needs:mpirun]") {
  const std::string mpiexec = INFOPLANE_MPIEXEC;
  infoplane::test::needs("mpirun", !mpiexec.empty(),
                         "no MPI with its mpirun was found when the build was configured; install one (Debian: "
                         "libopenmpi-dev openmpi-bin), then configure and build again");
  Program alone(INFOPLANE_TRAIN_TEXT, short_run());
  REQUIRE(alone.finish().exit_code == 0);
  auto arguments = short_run();
  arguments.insert(arguments.begin(), {"-n", "2", INFOPLANE_TRAIN_TEXT});
  Program mpirun(mpiexec, arguments,
                 {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_rmaps_base_oversubscribe=1",
                  "OMPI_MCA_hwloc_base_binding_policy=none"});
  const auto outcome = mpirun.finish();
  CAPTURE(outcome.out, outcome.err);
  REQUIRE(outcome.exit_code == 0);
  check_same_run(infoplane::read_run_file(mpirun.file("run.jsonl")), infoplane::read_run_file(alone.file("run.jsonl")));
}

TEST_CASE("a signal to one rank ends train_text on both at the same step", "[examples][distributed]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  for (const std::size_t rank : {0, 1}) {
    const int signal = rank == 0 ? SIGTERM : SIGINT;
    Pair pair(small_run(text, {"--steps", "100000000", "--every", "10"}));
    REQUIRE(pair.programs[0]->wait_for("step    10"));
    pair.programs[rank]->send(signal);
    for (auto& program : pair.programs) {
      const auto outcome = program->finish();
      CAPTURE(rank, outcome.err);
      CHECK(outcome.exit_code == 128 + signal);
      CHECK(outcome.err.empty() == (program != pair.programs[0]));
    }
    const auto run = infoplane::read_run_file(pair.programs[0]->file("run.jsonl"));
    CHECK_FALSE(run.cut);
    CHECK(run.split("train").size() == run.split("heldout").size());
    CHECK(run.points.size() >= 3);
  }
}

TEST_CASE("train_text ends soon when its other rank is killed, and says why", "[examples][distributed]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  Pair pair(small_run(text, {"--steps", "100000000", "--every", "10"}));
  REQUIRE(pair.programs[0]->wait_for("step    10"));
  pair.programs[1]->send(SIGKILL);
  const auto outcome = pair.programs[0]->finish();
  CHECK(outcome.exit_code == 1);
  CHECK_THAT(outcome.err, StartsWith("train_text: ") && ContainsSubstring(" failed on rank 0 of 2 after "));
  CHECK(infoplane::read_run_file(pair.programs[0]->file("run.jsonl")).points.size() >= 3);
}

TEST_CASE("train_text refuses a batch that does not divide among the ranks", "[examples][distributed]") {
  const TemporaryFolder folder;
  const auto text = folder.write("a.txt", sentences()).string();
  Pair pair({"--text", text, "--batch", "3"});
  for (auto& program : pair.programs) {
    const auto outcome = program->finish();
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.err == "train_text: --batch 3 does not divide among 2 ranks\n");
  }
}

TEST_CASE("the c10d form of the loop writes the run of two ranks", "[examples][distributed]") {
  const TemporaryFolder folder;
  Pair pair({folder.write("a.txt", sentences()).string(), "run.jsonl"}, INFOPLANE_RANKS_C10D);
  for (auto& program : pair.programs) {
    const auto outcome = program->finish();
    CAPTURE(outcome.err);
    CHECK(outcome.exit_code == 0);
  }
  const auto run = infoplane::read_run_file(pair.programs[0]->file("run.jsonl"));
  CHECK(run.header.world_size == 2);
  REQUIRE(run.points.size() == 3);
  CHECK(run.points[0].tokens == std::int64_t{2} * 8 * 32);
  CHECK(run.points[2].tokens == std::int64_t{2} * 4 * 8 * 32);
  CHECK(run.points[2].loss < run.points[0].loss - 1);  // it learns
}
