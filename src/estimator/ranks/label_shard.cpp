#include "estimator/ranks/label_shard.hpp"

#include <algorithm>
#include <bit>
#include <functional>
#include <infoplane/core/hash.hpp>

namespace infoplane::estimator {
namespace {

constexpr std::uint64_t kOwners = 0x6f776e6572730000U;  // so that owners do not follow from the sample of labels

constexpr std::size_t kLevels = 65;

bool fits_32_bits(std::span<const std::int64_t> key) noexcept {
  return std::all_of(key.begin(), key.end(),
                     [](std::int64_t value) { return value == static_cast<std::int32_t>(value); });
}

/// The slots of each owner's labels.
struct Parcelled {
  std::vector<std::vector<std::uint32_t>> slots;
  bool is_small = true;  // keys fit into 32 bits
};

/// Adds the labels that are not kept to the shard.
Parcelled parcel_labels(const LabelSet& set, std::size_t owners, LabelSet& shard) {
  Parcelled result;
  result.slots.resize(owners);
  for (std::uint32_t slot = 0; slot < set.replicates().size(); ++slot) {
    const std::int64_t tokens = set.tokens_of(slot);
    if (tokens == 0) {
      continue;
    }
    const auto key = set.slots().key(slot);
    if (shard.slots().keeps(key)) {
      result.slots[owner_of(set, key, owners)].push_back(slot);
      result.is_small = result.is_small && fits_32_bits(key);
      continue;
    }
    for (const std::uint32_t sum : set.replicates().sums(slot)) {
      if (sum != kNoSum) {
        set.add_to(sum, shard.host_sums().mutable_dropped());
      }
    }
    shard.set_dropped_tokens(shard.dropped_tokens() + tokens);
  }
  set.sums().add_dropped_to(shard.host_sums().mutable_dropped());
  shard.counts().add_row_entropies(set.counts().all_row_entropies());
  shard.set_dropped_tokens(shard.dropped_tokens() + set.dropped_tokens());
  return result;
}

void put_sum(const LabelSet& set, std::uint32_t sum, std::vector<double>& scratch, state::Writer& out) {
  const auto m = static_cast<std::size_t>(set.anchors());
  out.put(set.counts().squares(sum));
  out.put(set.counts().row_entropies(sum));
  if (set.counts().is_large(sum)) {
    std::fill(scratch.begin(), scratch.end(), 0.0);
    set.add_to(sum, scratch.data());
    out.put(set.counts().tokens(sum));
    out.put_values(scratch.data(), m);
  } else {
    out.put(set.counts().recent_tokens(sum));
    out.put_values(set.in_float32(sum), m);
  }
}

/// Replicates that are there, and in the high bits those whose sums are large.
std::uint8_t mask_of(const LabelSet& set, const Replicates::Sums& sums) noexcept {
  std::uint8_t mask = 0;
  for (unsigned replicate = 0; replicate < Replicates::kCount; ++replicate) {
    const std::uint32_t sum = sums[replicate];
    if (sum != kNoSum && set.counts().tokens(sum) > 0) {
      mask |= static_cast<std::uint8_t>((set.counts().is_large(sum) ? 0x11U : 0x01U) << replicate);
    }
  }
  return mask;
}

/// Adds a sum from a parcel.
void take_sum(LabelSet& shard, std::uint32_t sum, bool is_large, std::vector<float>& float32,
              std::vector<double>& float64, state::Reader& in) {
  const auto squares = in.get<float>();
  const auto row_entropies = in.get<double>();
  if (is_large) {
    const auto tokens = in.get<std::int64_t>();
    in.get_values(float64.data(), float64.size());
    shard.make_large(sum);
    shard.host_sums().add(sum, float64.data());
    shard.counts().add(sum, tokens, squares, row_entropies);
    return;
  }
  const auto tokens = in.get<std::uint16_t>();
  in.get_values(float32.data(), float32.size());
  if (!shard.counts().fits(sum, tokens)) {
    shard.make_large(sum);
  }
  shard.host_sums().add(sum, float32.data());
  shard.counts().add(sum, tokens, squares, row_entropies);
}

}  // namespace

std::size_t owner_of(const LabelSet& set, std::span<const std::int64_t> key, std::size_t owners) noexcept {
  return LabelSlots::hash_of(key, splitmix64(set.slots().salt() ^ kOwners)) % owners;
}

void begin_shard(LabelSet& shard, int level, const std::vector<bool>& labelled,
                 const std::shared_ptr<const labels::KeyTable>& table) {
  if (table == nullptr || !shard.slots().share_table(table, static_cast<std::size_t>(table->size()))) {
    shard.slots().own_table();
  }
  shard.slots().set_level(level);
  shard.replicates().leave_history();
  shard.sampled().reserve(Reservoir::kCapacity);
  for (const bool has_label : labelled) {
    shard.sampled().push_back(has_label ? kDropped : kNoSum);  // until a parcel brings the label
  }
}

void put_parcels(const LabelSet& set, std::span<state::Writer> parcels, std::span<const std::uint32_t> common_index,
                 LabelSet& shard) {
  const Parcelled parcelled = parcel_labels(set, parcels.size(), shard);
  std::vector<std::vector<std::uint32_t>> samples_of(set.counts().size());
  for (std::uint32_t row = 0; row < set.sampled().size() && row < common_index.size(); ++row) {
    if (set.sampled()[row] < kDropped && common_index[row] != Reservoir::kNone) {
      samples_of[set.sampled()[row]].push_back(common_index[row]);
    }
  }
  std::vector<double> scratch(static_cast<std::size_t>(set.anchors()));
  for (std::size_t owner = 0; owner < parcels.size(); ++owner) {
    state::Writer& out = parcels[owner];
    const std::vector<std::uint32_t>& slots = parcelled.slots[owner];
    out.put(static_cast<std::uint64_t>(slots.size()));
    out.put(static_cast<std::uint8_t>(parcelled.is_small ? 1 : 0));
    std::vector<std::uint32_t> samples;  // number of the label and replicate, row of the common sample
    for (std::uint32_t label = 0; label < slots.size(); ++label) {
      for (const std::int64_t value : set.slots().key(slots[label])) {
        parcelled.is_small ? out.put(static_cast<std::int32_t>(value)) : out.put(value);
      }
      const Replicates::Sums& sums = set.replicates().sums(slots[label]);
      const std::uint8_t mask = mask_of(set, sums);
      out.put(mask);
      for (unsigned replicate = 0; replicate < Replicates::kCount; ++replicate) {
        if ((mask >> replicate & 1U) != 0) {
          put_sum(set, sums[replicate], scratch, out);
          for (const std::uint32_t row : samples_of[sums[replicate]]) {
            samples.insert(samples.end(), {4 * label + replicate, row});
          }
        }
      }
    }
    out.put_array(samples);
  }
}

void take_parcel(LabelSet& shard, state::Reader& in) {
  const auto m = static_cast<std::size_t>(shard.anchors());
  const auto count = in.get<std::uint64_t>();
  const bool is_small = in.get_flag();
  std::vector<std::int64_t> key(static_cast<std::size_t>(shard.slots().key_width()));
  std::vector<float> float32(m);
  std::vector<double> float64(m);
  std::vector<std::uint32_t> sum_of;  // by number of the label and replicate
  for (std::uint64_t label = 0; label < count; ++label) {
    for (std::int64_t& value : key) {
      value = is_small ? in.get<std::int32_t>() : in.get<std::int64_t>();
    }
    const std::uint32_t slot = shard.slot_of_key(key);
    state::Reader::require(slot != kDropped, "a label came that is not in the sample of labels");
    const auto mask = in.get<std::uint8_t>();
    for (unsigned replicate = 0; replicate < Replicates::kCount; ++replicate) {
      const bool is_there = (mask >> replicate & 1U) != 0;
      sum_of.push_back(is_there ? shard.sum_of(slot, replicate) : kNoSum);
      if (is_there) {
        take_sum(shard, sum_of.back(), (mask >> replicate & 0x10U) != 0, float32, float64, in);
      }
    }
  }
  const auto samples = in.get_array<std::uint32_t>();
  for (std::size_t i = 0; i + 1 < samples.size(); i += 2) {
    state::Reader::require(samples[i] < sum_of.size() && samples[i + 1] < shard.sampled().size(),
                           "a sample has no label");
    shard.sampled()[samples[i + 1]] = sum_of[samples[i]];
  }
}

std::vector<std::uint32_t> sums_in(const LabelSet& shard, const LabelSet& set) {
  std::vector<std::uint32_t> result(set.counts().size(), kDropped);
  for (std::size_t slot = 0; slot < set.replicates().size(); ++slot) {
    if (set.tokens_of(slot) == 0) {
      continue;
    }
    const std::uint32_t there = shard.slots().find(set.slots().key(slot));
    for (std::size_t replicate = 0; there < kDropped && replicate < Replicates::kCount; ++replicate) {
      const std::uint32_t sum = set.replicates().sums(slot)[replicate];
      if (sum != kNoSum) {
        result[sum] = shard.replicates().sums(there)[replicate];
      }
    }
  }
  return result;
}

void continue_dealing(LabelSet& shard, const LabelSet& set) {
  for (std::size_t slot = 0; slot < set.replicates().size(); ++slot) {
    if (set.tokens_of(slot) > 0 && shard.slots().keeps(set.slots().key(slot))) {
      shard.replicates().continue_dealing(shard.slot_of_key(set.slots().key(slot)), set.replicates(), slot);
    }
  }
}

std::vector<double> labels_by_level(const LabelSet& shard) {
  std::vector<double> result(kLevels, 0.0);
  for (std::size_t slot = 0; slot < shard.slots().size(); ++slot) {
    const std::uint64_t hash = LabelSlots::hash_of(shard.slots().key(slot), shard.slots().salt());
    ++result[static_cast<std::size_t>(std::countl_zero(hash))];
  }
  for (std::size_t level = kLevels - 1; level > 0; --level) {
    result[level - 1] += result[level];
  }
  return result;
}

void drop_to_limit(LabelSet& shard, std::span<const double> labels_by_level) {
  const std::int64_t most = shard.slots().max_labels();
  int level = shard.slots().level();
  while (most > 0 && level < 64 && labels_by_level[static_cast<std::size_t>(level)] > static_cast<double>(most)) {
    ++level;
  }
  shard.reserve_for_dropping();
  shard.drop_to_level(level);
}

}  // namespace infoplane::estimator
