#pragma once

#include <infoplane/distributed/byte_collectives.hpp>
#include <infoplane/distributed/communicator.hpp>
#include <span>
#include <string>
#include <vector>

namespace infoplane::distributed {

/// Bytes and float64 values over a communicator, as tensors on the CPU. Borrows it.
class ByteCommunicator final : public ByteCollectives {
 public:
  /// Borrows the communicator.
  explicit ByteCommunicator(Communicator& communicator) : communicator_(communicator) {}

  int rank() const override { return communicator_.rank(); }
  int size() const override { return communicator_.size(); }
  void sum(std::span<double> values) override;
  std::string broadcast(std::string mine, int root) override;
  std::vector<std::string> all_gather(std::string mine) override;
  std::vector<std::string> all_to_all(std::vector<std::string> for_each_rank) override;

 private:
  Communicator& communicator_;
};

}  // namespace infoplane::distributed
