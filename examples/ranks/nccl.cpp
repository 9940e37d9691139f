// A trainer that runs NCCL itself, without c10d groups: its communicator and stream are borrowed by the monitor.
// Usage: ranks_nccl TEXT RUN.jsonl, once for each GPU, with torchrun's variables.
#include <cstdio>
#include <cstring>
#include <exception>
#include <infoplane/distributed/environment.hpp>
#include <stdexcept>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "nccl_training.hpp"

namespace {

/// Every rank gets what rank 0 drew.
ncclUniqueId meet(const infoplane::distributed::LaunchEnvironment& environment) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(environment.master_port);
  options.isServer = environment.rank == 0;
  options.numWorkers = environment.size;
  c10d::TCPStore store(environment.master_address, options);
  ncclUniqueId id;
  if (environment.rank == 0) {
    ranks_nccl::check(ncclGetUniqueId(&id), "ncclGetUniqueId");
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(&id);
    store.set("id", std::vector<std::uint8_t>(bytes, bytes + sizeof id));
  } else {
    const auto bytes = store.get("id");
    std::memcpy(&id, bytes.data(), sizeof id);
  }
  return id;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s TEXT RUN.jsonl\n", argv[0]);
    return 2;
  }
  try {
    const auto environment = infoplane::distributed::read_launch_environment();
    if (environment.size > 1 && environment.master_port == 0) {
      throw std::runtime_error("set MASTER_ADDR and MASTER_PORT");
    }
    if (const auto error = cudaSetDevice(environment.local_rank); error != cudaSuccess) {
      throw std::runtime_error(std::string("cudaSetDevice: ") + cudaGetErrorString(error));
    }
    const auto id = meet(environment);
    ncclComm_t communicator = nullptr;
    ranks_nccl::check(ncclCommInitRank(&communicator, environment.size, id, environment.rank), "ncclCommInitRank");
    const at::Device device(at::kCUDA, static_cast<at::DeviceIndex>(environment.local_rank));
    // LibTorch's current stream is CUDA's default one unless a trainer chose another.
    ranks_nccl::train(communicator, nullptr, device, train_text::load_bytes(argv[1]), argv[2]);
    ranks_nccl::check(ncclCommDestroy(communicator), "ncclCommDestroy");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
