#pragma once

#include <cstdint>
#include <infoplane/distributed/nccl_api.hpp>
#include <memory>
#include <string>
#include <vector>

namespace infoplane::test {

/// NCCL and a stream on host memory, with the real library's header: calls only queue; what is queued makes progress
/// when the stream is asked, never before, and a collective only when all ranks have come to it. Until then receive
/// buffers hold poison. What the real library leaves undefined is an error here: counts, dtypes, operations or roots
/// that differ, a copy of pageable memory into a busy stream (it would block the host), and a block freed that is none.
class NcclWorld {
 public:
  explicit NcclWorld(int ranks);
  NcclWorld(const NcclWorld&) = delete;
  NcclWorld& operator=(const NcclWorld&) = delete;
  ~NcclWorld();

  ncclComm_t communicator(int rank) const;
  cudaStream_t stream(int rank) const;

  /// An asynchronous error of one rank, as after a broken network.
  void inject(int rank, ncclResult_t error);
  /// What ncclCommAbort does: operations under way end without a result.
  void abort(int rank);
  /// Not drained while held: the stream stays busy.
  void hold(int rank, bool held);
  /// Bytes of device memory that are allocated.
  std::int64_t device_bytes(int rank) const;
  /// What was done wrong, empty where nothing was.
  std::string violations() const;

  static distributed::NcclApi nccl();
  static distributed::CudaApi cuda();

  static constexpr unsigned char kPoison = 0xA5;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::vector<std::unique_ptr<ncclComm>> communicators_;
  std::vector<std::unique_ptr<CUstream_st>> streams_;
};

}  // namespace infoplane::test
