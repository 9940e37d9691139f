#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cstdlib>
#include <infoplane/core/error.hpp>
#include <infoplane/distributed/environment.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::distributed::LaunchEnvironment;

namespace {

using Variables = std::map<std::string, std::string>;

LaunchEnvironment read(const Variables& variables) {
  return infoplane::distributed::read_launch_environment([&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

/// In this process's environment, until its end.
class SetVariables {
 public:
  explicit SetVariables(Variables variables) : variables_(std::move(variables)) {
    for (const auto& [name, value] : variables_) {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ~SetVariables() {
    for (const auto& [name, value] : variables_) {
      ::unsetenv(name.c_str());
    }
  }
  SetVariables(const SetVariables&) = delete;
  SetVariables& operator=(const SetVariables&) = delete;

 private:
  Variables variables_;
};

}  // namespace

TEST_CASE("each launcher's variables are understood", "[distributed]") {
  struct Row {
    Variables variables;
    LaunchEnvironment expected;
  };
  const std::vector<Row> rows{
      {{}, {"none", 0, 1, 0, 0, "", 0}},
      {{{"RANK", ""}, {"WORLD_SIZE", ""}}, {"none", 0, 1, 0, 0, "", 0}},
      {{{"RANK", "5"},
        {"WORLD_SIZE", "8"},
        {"LOCAL_RANK", "1"},
        {"LOCAL_WORLD_SIZE", "4"},
        {"MASTER_ADDR", "node0"},
        {"MASTER_PORT", "29400"}},
       {"torchrun", 5, 8, 1, 4, "node0", 29400}},
      {{{"RANK", "1"}, {"WORLD_SIZE", "2"}}, {"torchrun", 1, 2, 0, 0, "", 0}},
      {{{"NNODES", "2"},
        {"NPROC_PER_NODE", "2"},
        {"GLOBAL_PROC_RANK", "3"},
        {"LOCAL_PROC_RANK", "1"},
        {"PROC_WORLD_SIZE", "4"},
        {"MASTER_ADDR", "127.0.0.1"},
        {"MASTER_PORT", "29500"}},
       {"InfiniTrain", 3, 4, 1, 2, "127.0.0.1", 29500}},
      {{{"OMPI_COMM_WORLD_RANK", "2"},
        {"OMPI_COMM_WORLD_SIZE", "3"},
        {"OMPI_COMM_WORLD_LOCAL_RANK", "2"},
        {"OMPI_COMM_WORLD_LOCAL_SIZE", "3"}},
       {"Open MPI", 2, 3, 2, 3, "", 0}},
      {{{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "0"}, {"MPI_LOCALNRANKS", "2"}},
       {"MPICH", 0, 2, 0, 2, "", 0}},
      {{{"SLURM_PROCID", "6"}, {"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_NTASKS", "16"}, {"SLURM_LOCALID", "2"}},
       {"srun", 6, 8, 2, 0, "", 0}},
      // A batch script, or a program in it without srun.
      {{{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}, {"SLURM_LOCALID", "0"}}, {"none", 0, 1, 0, 0, "", 0}},
      // srun starts one torchrun a node; srun knows MPI's variables as well; mpirun in a batch script.
      {{{"SLURM_PROCID", "1"},
        {"SLURM_STEP_NUM_TASKS", "2"},
        {"RANK", "7"},
        {"WORLD_SIZE", "8"},
        {"MASTER_ADDR", "a"},
        {"MASTER_PORT", "1"}},
       {"torchrun", 7, 8, 0, 0, "a", 1}},
      {{{"SLURM_PROCID", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"PMI_RANK", "1"}, {"PMI_SIZE", "2"}},
       {"MPICH", 1, 2, 0, 0, "", 0}},
      {{{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}, {"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}},
       {"Open MPI", 1, 2, 0, 0, "", 0}},
      // A world of one needs no meeting place.
      {{{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"MASTER_ADDR", "node0"}}, {"torchrun", 0, 1, 0, 0, "node0", 0}},
      // Nor a port that is one, nor a rank, nor a word about the other processes of the node.
      {{{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "0"}},
       {"torchrun", 0, 1, 0, 0, "127.0.0.1", 0}},
      {{{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"MASTER_ADDR", ""}, {"MASTER_PORT", "29400"}},
       {"torchrun", 0, 1, 0, 0, "", 29400}},
      {{{"WORLD_SIZE", "1"}, {"MASTER_PORT", "any"}}, {"torchrun", 0, 1, 0, 0, "", 0}},
      {{{"MASTER_PORT", "0"}}, {"none", 0, 1, 0, 0, "", 0}},
      {{{"MASTER_PORT", "65535"}}, {"none", 0, 1, 0, 0, "", 65535}},
      {{{"MASTER_PORT", "65536"}}, {"none", 0, 1, 0, 0, "", 0}},
      {{{"MASTER_PORT", "-1"}}, {"none", 0, 1, 0, 0, "", 0}},
      {{{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"LOCAL_RANK", "3"}, {"LOCAL_WORLD_SIZE", "8"}},
       {"torchrun", 0, 1, 3, 8, "", 0}},
      {{{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"LOCAL_RANK", "3"}, {"LOCAL_WORLD_SIZE", "1"}},
       {"torchrun", 0, 1, 3, 1, "", 0}},
      {{{"PROC_WORLD_SIZE", "1"}, {"MASTER_PORT", "0"}}, {"InfiniTrain", 0, 1, 0, 0, "", 0}},
      {{{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}, {"MASTER_PORT", "0"}},
       {"Open MPI", 0, 1, 0, 0, "", 0}},
      {{{"PMI_RANK", "0"}, {"PMI_SIZE", "1"}, {"MASTER_PORT", "0"}}, {"MPICH", 0, 1, 0, 0, "", 0}},
      {{{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}, {"MASTER_PORT", "0"}}, {"srun", 0, 1, 0, 0, "", 0}},
      // A world of one in another's: the same rank, or one process that starts several.
      {{{"WORLD_SIZE", "1"}, {"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}}, {"torchrun", 0, 1, 0, 0, "", 0}},
      {{{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"SLURM_STEP_NUM_TASKS", "1"}}, {"torchrun", 1, 2, 0, 0, "", 0}},
  };
  for (const Row& row : rows) {
    const LaunchEnvironment got = read(row.variables);
    CAPTURE(row.expected.launcher, row.expected.rank, row.expected.size);
    CHECK(got.launcher == row.expected.launcher);
    CHECK(got.rank == row.expected.rank);
    CHECK(got.size == row.expected.size);
    CHECK(got.local_rank == row.expected.local_rank);
    CHECK(got.local_size == row.expected.local_size);
    CHECK(got.master_address == row.expected.master_address);
    CHECK(got.master_port == row.expected.master_port);
  }
}

TEST_CASE("incomplete, impossible or contradictory variables are named", "[distributed]") {
  struct Row {
    Variables variables;
    const char* message;
  };
  const std::vector<Row> rows{
      {{{"RANK", "1"}}, "RANK=1 is set, but WORLD_SIZE is not: set both or neither"},
      {{{"WORLD_SIZE", "2"}}, "WORLD_SIZE=2 is set, but RANK is not: set both or neither"},
      {{{"PMI_SIZE", "2"}, {"PMI_RANK", ""}}, "PMI_SIZE=2 is set, but PMI_RANK is not: set both or neither"},
      {{{"SLURM_STEP_NUM_TASKS", "2"}}, "SLURM_STEP_NUM_TASKS=2 is set, but SLURM_PROCID is not: set both or neither"},
      {{{"RANK", "two"}, {"WORLD_SIZE", "4"}}, "RANK=two is no number"},
      {{{"RANK", "2x"}, {"WORLD_SIZE", "4"}}, "RANK=2x is no number"},
      {{{"RANK", "99999999999999"}, {"WORLD_SIZE", "4"}}, "RANK=99999999999999 is no number"},
      {{{"RANK", "-1"}, {"WORLD_SIZE", "4"}}, "RANK=-1 is not from 0 to 2147483647"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "0"}}, "WORLD_SIZE=0 is not from 1 to 2147483647"},
      {{{"RANK", "4"}, {"WORLD_SIZE", "4"}}, "RANK=4 is not below WORLD_SIZE=4"},
      {{{"RANK", "1"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "2"}, {"LOCAL_WORLD_SIZE", "2"}},
       "LOCAL_RANK=2 is not below LOCAL_WORLD_SIZE=2"},
      {{{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "2"}, {"LOCAL_WORLD_SIZE", "4"}},
       "LOCAL_WORLD_SIZE=4 is above WORLD_SIZE=2"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "2"}},
       "LOCAL_RANK=1 contradicts RANK=0, as all processes are on this node"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "node0"}},
       "MASTER_ADDR is set, but MASTER_PORT is not: set both or neither"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "29500"}},
       "MASTER_PORT is set, but MASTER_ADDR is not: set both or neither"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "70000"}},
       "MASTER_PORT=70000 is not from 1 to 65535"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "0"}},
       "MASTER_PORT=0 is not from 1 to 65535"},
      {{{"RANK", "0"}}, "RANK=0 is set, but WORLD_SIZE is not: set both or neither"},
      {{{"RANK", "1"}, {"WORLD_SIZE", "1"}}, "RANK=1 is not below WORLD_SIZE=1"},
      {{{"RANK", "x"}, {"WORLD_SIZE", "1"}}, "RANK=x is no number"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}},
       "RANK=0, WORLD_SIZE=2 (torchrun) contradict OMPI_COMM_WORLD_RANK=1, OMPI_COMM_WORLD_SIZE=2 (Open MPI): unset "
       "those that are not of this launch"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}},
       "RANK=0, WORLD_SIZE=1 (torchrun) contradict SLURM_PROCID=0, SLURM_STEP_NUM_TASKS=4 (srun): unset those that are "
       "not of this launch"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    CHECK_THROWS_MATCHES(read(row.variables), ArgumentError, Message(row.message));
  }
}

TEST_CASE("from_environment is a world of one whatever the port", "[distributed]") {
  const SetVariables variables(
      {{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "0"}});
  const auto world = infoplane::distributed::from_environment();
  REQUIRE(world->size() == 1);
  REQUIRE(world->rank() == 0);
}
