#pragma once

#include <infoplane/distributed/communicator.hpp>

namespace infoplane::distributed {

/// A world of one: every operation returns what it was given.
class Local final : public Communicator {
 public:
  int rank() const noexcept override { return 0; }
  int size() const noexcept override { return 1; }
  std::string describe() const override;

 private:
  void do_sum(at::Tensor& values) override;
  void do_max(at::Tensor& values) override;
  void do_broadcast(at::Tensor& values, int root) override;
  void do_all_gather(const at::Tensor& mine, std::vector<at::Tensor>& all) override;
  void do_all_to_all(const std::vector<at::Tensor>& send, std::vector<at::Tensor>& receive) override;
};

}  // namespace infoplane::distributed
