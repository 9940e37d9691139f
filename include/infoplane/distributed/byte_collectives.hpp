#pragma once

#include <span>
#include <string>
#include <vector>

namespace infoplane::distributed {

/// The ranks as what a caller on the host needs of them: collective operations over bytes and float64 values. Named as
/// those of `Communicator`. Every function but the getters is called by all ranks, in the same order.
///
/// Whatever the ranks are made of throws passes through, such as CommunicationError.
class ByteCollectives {
 public:
  ByteCollectives() = default;
  ByteCollectives(const ByteCollectives&) = delete;
  ByteCollectives& operator=(const ByteCollectives&) = delete;
  virtual ~ByteCollectives() = default;

  /// This process among `size()`, from 0.
  virtual int rank() const = 0;
  /// Number of ranks, at least 1.
  virtual int size() const = 0;
  /// Replaces the values, as many on all ranks, by their sums over ranks, which have the same bits on all of them.
  virtual void sum(std::span<double> values) = 0;
  /// The bytes of rank `root`, on every rank. Those of the others count for nothing.
  virtual std::string broadcast(std::string mine, int root) = 0;
  /// What each rank gives, by rank. Lengths may differ.
  virtual std::vector<std::string> all_gather(std::string mine) = 0;
  /// Sends `for_each_rank[r]`, of which there are `size()`, to rank r; what each rank sent here, by rank.
  virtual std::vector<std::string> all_to_all(std::vector<std::string> for_each_rank) = 0;
};

}  // namespace infoplane::distributed
