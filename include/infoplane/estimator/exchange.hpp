#pragma once

#include <cstdint>
#include <infoplane/estimator/estimates.hpp>
#include <span>
#include <string>
#include <vector>

namespace infoplane::estimator {

/// How the ranks that have a part of the tokens each exchange what they summed. Every function but the getters is
/// called by all ranks, in the same order.
class Exchange {
 public:
  Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  virtual ~Exchange() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Replaces the values by their sums over ranks, which have the same bits on all of them.
  virtual void sum(std::span<double> values) = 0;
  /// What each rank gives, by rank.
  virtual std::vector<std::string> gather(std::string mine) = 0;
  /// Sends `for_each_rank[r]` to rank r; what each rank sent here, by rank.
  virtual std::vector<std::string> exchange(std::vector<std::string> for_each_rank) = 0;
};

/// The estimates of one process that has seen the tokens of all ranks, on every rank. Collective.
///
/// Counts are exact, plug-in values equal to rounding; the sample of rows behind corrected values and standard errors
/// is drawn uniformly from all ranks and is the same on each. A label belongs to the rank that a hash of its key says:
/// there its rows are merged, so a rank keeps its share of the labels only, and sends about as many bytes as its own
/// rows have. One exchange introduces the layers. They then go together as far as their rows fit into 256 MiB; each
/// such batch takes seven exchanges.
///
/// Ranks may have different layers, as in pipeline parallelism, and none at all. Layers come in order of first
/// appearance over ranks. The result depends on the number of ranks only by rounding and by the sample.
///
/// `sequence_group`: ranks that say the same number have parts of the same sequences (context parallelism), numbered
/// alike; −1: sequences of its own.
/// @throws ArgumentError, the same on every rank, if accumulators of one name cannot be added; names what differs.
/// @throws StateError, the same on every rank, if one has a null accumulator or one whose `update` or `estimate` would
/// throw, such as during the capture of a CUDA graph; names the rank.
/// Whatever the exchange throws passes through.
std::vector<NamedEstimate> shared_estimates(const std::vector<NamedAccumulator>& mine, Exchange& exchange,
                                            std::int64_t sequence_group = -1);

}  // namespace infoplane::estimator
