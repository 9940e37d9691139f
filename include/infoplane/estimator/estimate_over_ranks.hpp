#pragma once

#include <cstdint>
#include <infoplane/distributed/byte_collectives.hpp>
#include <infoplane/estimator/estimate_each.hpp>
#include <vector>

namespace infoplane::estimator {

/// The estimates of one process that has seen the tokens of all ranks, on every rank. Collective.
///
/// Counts are exact, plug-in values equal to rounding; the sample of rows behind corrected values and standard errors
/// is drawn uniformly from all ranks and is the same on each. A label belongs to the rank that a hash of its key says:
/// there its rows are merged, so a rank keeps its share of the labels only, and sends about as many bytes as its own
/// rows have. One operation introduces the layers. They then go together as far as their rows fit into 256 MiB; each
/// such batch takes seven operations, and ten more where n-grams of one order are on both sides.
///
/// Ranks may have different layers, as in pipeline parallelism, and none at all. Layers come in order of first
/// appearance over ranks. The result depends on the number of ranks only by rounding and by the sample.
///
/// `sequence_group`: ranks that say the same number have parts of the same sequences (context parallelism), numbered
/// alike; −1: sequences of its own.
/// @throws ArgumentError, the same on every rank, if accumulators of one name cannot be added; names what differs.
/// @throws StateError, the same on every rank, if one has a null accumulator or one whose `update` or `estimate` would
/// throw, such as during the capture of a CUDA graph; names the rank.
/// Whatever `ranks` throws passes through.
std::vector<NamedEstimate> estimate_over_ranks(const std::vector<NamedAccumulator>& mine,
                                               distributed::ByteCollectives& ranks, std::int64_t sequence_group = -1);

}  // namespace infoplane::estimator
