#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <infoplane/core/option.hpp>
#include <infoplane/distributed/communicator.hpp>
#include <infoplane/distributed/nccl_api.hpp>

namespace infoplane::distributed {

/// How an `Nccl` waits for its peers.
struct NcclOptions {
  /// Longest wait for the other ranks, and for what is before us in the stream.
  INFOPLANE_ARG(std::chrono::milliseconds, timeout) = std::chrono::minutes(5);
};

/// Ranks of a communicator with which the trainer runs NCCL itself. Everything is put into the one borrowed stream,
/// behind what is there. Tensors of the CPU are copied to the device and back; those of a GPU must be on that of the
/// communicator and ready in the borrowed stream. The current device must be the communicator's. Never synchronises the
/// device or a stream: one function waits, by asking the stream and the communicator's asynchronous error until the
/// timeout.
///
/// Borrows both: neither is destroyed nor aborted. After an error the trainer aborts its communicator (ncclCommAbort),
/// which ends what this class left in the stream; the few device bytes under way then are never freed.
class Nccl final : public Communicator {
 public:
  /// @throws ArgumentError if the communicator is null, NCCL does not know it, or the timeout is not above 0.
  /// @throws StateError where a table has not all functions, or this process has loaded no NCCL or CUDA runtime.
  Nccl(ncclComm_t communicator, cudaStream_t stream, const NcclOptions& options = {});
  /// With functions of NCCL and CUDA other than those that are loaded, as in tests.
  Nccl(ncclComm_t communicator, cudaStream_t stream, const NcclOptions& options, const NcclApi& nccl,
       const CudaApi& cuda);

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }
  std::string describe() const override;

 private:
  class Staging;

  void do_sum(at::Tensor& values) override;
  void do_max(at::Tensor& values) override;
  void do_broadcast(at::Tensor& values, int root) override;
  void do_all_gather(const at::Tensor& mine, std::vector<at::Tensor>& all) override;
  void do_all_to_all(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive) override;

  void reduce(at::Tensor& values, ncclRedOp_t operation);
  void check(ncclResult_t result, const char* call) const;
  void check(cudaError_t error, const char* call) const;
  /// The only wait: until `ready` says so, an asynchronous error, or the timeout.
  void wait_until(const std::function<bool()>& ready, const char* what) const;
  void wait_for_stream() const;

  ncclComm_t communicator_;
  cudaStream_t stream_;
  NcclOptions options_;
  NcclApi nccl_;
  CudaApi cuda_;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace infoplane::distributed
