#pragma once

#include <chrono>
#include <infoplane/core/option.hpp>
#include <infoplane/distributed/communicator.hpp>
#include <infoplane/distributed/environment.hpp>
#include <optional>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <variant>

namespace infoplane::distributed {

/// How a `ProcessGroup` reaches its peers, and how long it waits.
struct ProcessGroupOptions {
  /// Longest wait for the other ranks, in one operation.
  INFOPLANE_ARG(std::chrono::milliseconds, timeout) = std::chrono::minutes(5);
  /// Where the group needs its tensors, for groups that are not of the CPU, such as at::Device(at::kCUDA, local_rank)
  /// for NCCL. Tensors elsewhere are copied there and back. Where it is set the group's own collective operations are
  /// used; otherwise messages between pairs of ranks, by which a fault is put down to a rank.
  INFOPLANE_ARG(std::optional<at::Device>, device);
  /// The tag of messages between pairs; the trainer's own must have others.
  INFOPLANE_ARG(int, tag) = 7411;
};

/// Ranks of a group that the trainer already has: any `c10d::ProcessGroup`, or a backend such as
/// `c10d::ProcessGroupGloo` or `c10d::ProcessGroupNCCL`. Its operations must not be mixed with those of the trainer on
/// other threads. Holds a reference; never makes a group, and never destroys or aborts the one it was given.
///
/// Where a rank has died, Gloo's own threads may get SIGPIPE, which ends the process unless it is ignored: a C++
/// trainer that makes its own Gloo group calls std::signal(SIGPIPE, SIG_IGN), as Python does. Groups of make_gloo_group
/// need nothing.
///
/// A wait that timed out leaves the operation behind in the group, whose own timeout then ends it.
class ProcessGroup final : public Communicator {
 public:
  /// @throws ArgumentError if the group is null, the timeout not above 0, or the tag negative.
  explicit ProcessGroup(c10::intrusive_ptr<c10d::Backend> group, const ProcessGroupOptions& options = {});
  /// The same for a whole group.
  explicit ProcessGroup(c10::intrusive_ptr<c10d::ProcessGroup> group, const ProcessGroupOptions& options = {});

  int rank() const noexcept override;
  int size() const noexcept override;
  std::string describe() const override;

 private:
  using Group = std::variant<c10::intrusive_ptr<c10d::Backend>, c10::intrusive_ptr<c10d::ProcessGroup>>;
  ProcessGroup(Group group, const ProcessGroupOptions& options);

  void do_sum(at::Tensor& values) override;
  void do_max(at::Tensor& values) override;
  void do_broadcast(at::Tensor& values, int root) override;
  void do_all_gather(const at::Tensor& mine, std::vector<at::Tensor>& all) override;
  void do_all_to_all(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive) override;

  void reduce(at::Tensor& values, bool maximum);
  void send_receive(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive);
  void wait(const c10::intrusive_ptr<c10d::Work>& work);

  Group group_;
  ProcessGroupOptions options_;
  std::vector<c10::intrusive_ptr<c10d::Work>> abandoned_;  // failed, with their tensors
};

/// A new Gloo group (on the CPU) of all ranks of the launch, for a trainer that has none. Collective: returns when all
/// ranks have joined over the store at `environment.master_address`, where rank 0 listens. On an interface that reaches
/// it; `GLOO_SOCKET_IFNAME` names another.
/// @throws StateError where the address or port is missing, or this library was built without Gloo's headers.
/// @throws CommunicationError if not all ranks have joined within the timeout.
c10::intrusive_ptr<c10d::Backend> make_gloo_group(const LaunchEnvironment& environment,
                                                  const ProcessGroupOptions& options = {});

}  // namespace infoplane::distributed
