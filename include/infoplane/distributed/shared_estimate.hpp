#pragma once

#include <cstdint>
#include <infoplane/distributed/communicator.hpp>
#include <infoplane/estimator/exchange.hpp>
#include <string>
#include <vector>

namespace infoplane::distributed {

/// What an estimate over ranks needs of a communicator. Borrows it.
class CommunicatorExchange final : public estimator::Exchange {
 public:
  explicit CommunicatorExchange(Communicator& communicator) : communicator_(communicator) {}

  int rank() const override { return communicator_.rank(); }
  int size() const override { return communicator_.size(); }
  void sum(std::span<double> values) override;
  std::vector<std::string> gather(std::string mine) override;
  std::vector<std::string> exchange(std::vector<std::string> for_each_rank) override;

  /// The text of rank 0, on every rank. Collective.
  std::string from_first(std::string mine);

 private:
  Communicator& communicator_;
};

/// `estimator::shared_estimates` over a communicator: on every rank the estimates of one process that has seen the
/// tokens of all ranks. Collective.
/// @throws ArgumentError, the same on every rank, if accumulators of one name cannot be added.
/// @throws StateError, the same on every rank, if one cannot give its sums.
/// @throws CommunicationError as the communicator does.
std::vector<estimator::NamedEstimate> shared_estimates(const std::vector<estimator::NamedAccumulator>& mine,
                                                       Communicator& communicator, std::int64_t sequence_group = -1);

}  // namespace infoplane::distributed
