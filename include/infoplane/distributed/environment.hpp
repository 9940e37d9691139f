#pragma once

#include <chrono>
#include <functional>
#include <infoplane/core/option.hpp>
#include <infoplane/distributed/communicator.hpp>
#include <memory>
#include <string>

namespace infoplane::distributed {

/// What the launcher of this process says about it, in environment variables.
struct LaunchEnvironment {
  std::string launcher = "none";  ///< "torchrun", "InfiniTrain", "Open MPI", "MPICH", "srun" or "none"
  int rank = 0;                   ///< this process among all, from 0
  int size = 1;                   ///< number of processes
  int local_rank = 0;             ///< this process among those of its node; the usual index of its GPU
  int local_size = 0;             ///< processes on this node; 0 where the launcher doesn't say
  std::string master_address;     ///< where rank 0 listens (MASTER_ADDR); may be empty
  int master_port = 0;            ///< its port (MASTER_PORT); 0 where it isn't set, or, in a world of one, is no port
};

/// Value of an environment variable by its name, null where it isn't set; such as std::getenv.
using EnvironmentGetter = std::function<const char*(const char*)>;

/// Reads the variables of the launchers, the innermost first:
///
// clang-format off
///     torchrun      RANK, WORLD_SIZE [, LOCAL_RANK, LOCAL_WORLD_SIZE], as all that follows LibTorch's convention
///     InfiniTrain   GLOBAL_PROC_RANK, PROC_WORLD_SIZE [, LOCAL_PROC_RANK, NPROC_PER_NODE]
///     Open MPI      OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE [, …_LOCAL_RANK, …_LOCAL_SIZE]
///     MPICH, Intel  PMI_RANK, PMI_SIZE [, MPI_LOCALRANKID, MPI_LOCALNRANKS]
///     srun          SLURM_PROCID, SLURM_STEP_NUM_TASKS [, SLURM_LOCALID]; a batch script itself is no step of srun
// clang-format on
///
/// and MASTER_ADDR and MASTER_PORT. Without any of them: a world of one. An empty variable counts as not set. Launchers
/// may be nested (srun that starts one torchrun on each node): then the outer one has fewer processes. A size of 1 is a
/// world of one, with or without its rank, whatever MASTER_PORT holds and whatever else runs on the node.
/// @throws ArgumentError, which names the variables and their values, if one of a pair is missing, a value is no number
/// or out of its range, or two launchers contradict each other.
LaunchEnvironment read_launch_environment(const EnvironmentGetter& get);

/// The same from the environment of this process.
LaunchEnvironment read_launch_environment();

/// How long `from_environment` waits.
struct FromEnvironmentOptions {
  /// Longest wait for the other ranks, in one operation and to join.
  INFOPLANE_ARG(std::chrono::milliseconds, timeout) = std::chrono::minutes(5);
};

/// For a trainer without a group of its own: `Local` in a world of one, otherwise a `ProcessGroup` over a new Gloo
/// group of all ranks: what a point sends is made on the host. A trainer that has a group, a ncclComm_t or an MPI_Comm
/// passes that instead; an NCCL group is the trainer's to make, as it decides which device a rank has. Collective where
/// there are several ranks. Where all are on one node and MASTER_ADDR is not set, they meet at 127.0.0.1:29500.
/// @throws ArgumentError as read_launch_environment.
/// @throws StateError where ranks on several nodes have no MASTER_ADDR and MASTER_PORT, or this library was built
/// without c10d or Gloo's headers.
/// @throws CommunicationError if not all ranks have joined within the timeout.
std::shared_ptr<Communicator> from_environment(const FromEnvironmentOptions& options = {});

}  // namespace infoplane::distributed
