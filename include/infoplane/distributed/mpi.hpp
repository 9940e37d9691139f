#pragma once

#include <mpi.h>

#include <chrono>
#include <infoplane/core/option.hpp>
#include <infoplane/distributed/communicator.hpp>

namespace infoplane::distributed {

/// How an `Mpi` waits for its peers.
struct MpiOptions {
  /// Longest wait for the other ranks, in one operation.
  INFOPLANE_ARG(std::chrono::milliseconds, timeout) = std::chrono::minutes(5);
  /// The tag of our messages; the trainer's own must have others, and none may be awaited with MPI_ANY_TAG meanwhile.
  INFOPLANE_ARG(int, tag) = 7411;
};

/// Ranks of an MPI communicator that the trainer has, such as MPI_COMM_WORLD. By non-blocking messages between pairs of
/// ranks, on tensors of the CPU (others are copied there and back); errors are returned to this class, and the
/// trainer's error handler is put back behind each operation. Borrows the communicator: it is never duplicated nor
/// freed, and must outlive this object. Calls MPI on the thread of the caller only.
///
/// Link the MPI whose mpi.h this library was built with. Most launchers end all processes when one dies, so that only
/// ranks that are late or have gone astray reach this class as errors.
class Mpi final : public Communicator {
 public:
  /// @throws StateError before MPI_Init or after MPI_Finalize.
  /// @throws ArgumentError if the communicator is MPI_COMM_NULL or joins two groups, the timeout is not above 0, or the
  /// tag not from 0 to MPI_TAG_UB.
  explicit Mpi(MPI_Comm communicator, const MpiOptions& options = {});

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }
  std::string describe() const override;

 private:
  void do_sum(at::Tensor& values) override;
  void do_max(at::Tensor& values) override;
  void do_broadcast(at::Tensor& values, int root) override;
  void do_all_gather(const at::Tensor& mine, std::vector<at::Tensor>& all) override;
  void do_all_to_all(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive) override;
  void send_receive(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive);

  MPI_Comm communicator_;
  MpiOptions options_;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace infoplane::distributed
