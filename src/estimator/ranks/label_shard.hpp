#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/state.hpp"
#include "estimator/label_sums/label_set.hpp"

// Label sets that have a part of the tokens each become one: a label goes to the owner that a hash of its key says,
// there the sums of all sets are added, and what the owners have are shards, without a label in common.
namespace infoplane::estimator {

/// Who of `owners` has a label of a set.
std::size_t owner_of(const LabelSet& set, std::span<const std::int64_t> key, std::size_t owners) noexcept;

/// Makes an empty set a shard: at the highest `level` of any of the sets, with what is known of the common sample of
/// tokens, namely whether a row has a label. `table`: where labels are found, if all sets share one; null: by key.
void begin_shard(LabelSet& shard, int level, const std::vector<bool>& labelled,
                 const std::shared_ptr<const labels::KeyTable>& table = nullptr);

/// Writes the labels of each owner to its parcel, and adds those that are not kept to the own shard.
/// `common_index`: where a row of the set's sample is in the common one, or Reservoir::kNone.
void put_parcels(const LabelSet& set, std::span<state::Writer> parcels, std::span<const std::uint32_t> common_index,
                 LabelSet& shard);
/// Adds what one of them wrote for this owner.
void take_parcel(LabelSet& shard, state::Reader& in);

/// By number of a sum of `set`: the number of the same label's replicate in the shard, or kDropped.
std::vector<std::uint32_t> sums_in(const LabelSet& shard, const LabelSet& set);

/// Lets the next token of a label go to the replicate that it would have gone to in `set`.
void continue_dealing(LabelSet& shard, const LabelSet& set);

/// Labels of this shard that would stay at levels 0 … 64, and what follows from the sums of these over owners.
std::vector<double> labels_by_level(const LabelSet& shard);
void drop_to_limit(LabelSet& shard, std::span<const double> labels_by_level);

}  // namespace infoplane::estimator
