#include <algorithm>
#include <bit>
#include <infoplane/core/hash.hpp>
#include <limits>

#include "core/state.hpp"
#include "estimator/label_sums/growth.hpp"
#include "estimator/label_sums/label_rows.hpp"

namespace infoplane::estimator {
namespace {

constexpr std::uint64_t kOwners = 0x6f776e6572730000U;  // so that owners do not follow from the sample of labels

constexpr std::size_t kLevels = 65;

}  // namespace

void LabelRows::begin_shard(int level, const std::vector<bool>& labelled) {
  own_table();
  level_ = level;
  sampled_.reserve(Reservoir::kCapacity);
  for (const bool has_label : labelled) {
    sampled_.push_back(has_label ? kDropped : kNone);  // until a parcel brings the label
  }
}

void LabelRows::put_parcels(std::span<state::Writer> parcels, std::span<const std::uint32_t> shared_index,
                            LabelRows& shard) const {
  const auto m = static_cast<std::size_t>(anchors_);
  std::vector<std::vector<std::uint32_t>> slots_of(parcels.size());
  bool small = true;  // keys fit into 32 bits
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    if (tokens_of_slot(slot) == 0) {
      continue;
    }
    const auto key = table_->key(row_of_slot_[slot]);
    if (shard.kept(key)) {
      slots_of[hash_of(key, splitmix64(salt_ ^ kOwners)) % parcels.size()].push_back(slot);
      small = small && std::all_of(key.begin(), key.end(),
                                   [](std::int64_t value) { return value == static_cast<std::int32_t>(value); });
      continue;
    }
    for (const std::uint32_t number : parts_[slot]) {
      if (number != kNone) {
        add_row_to(number, shard.dropped_.data());
        shard.dropped_tokens_ += tokens_of_row(number);
      }
    }
  }
  std::transform(dropped_.begin(), dropped_.end(), shard.dropped_.begin(), shard.dropped_.begin(), std::plus<>());
  shard.dropped_tokens_ += dropped_tokens_;

  std::vector<std::vector<std::uint32_t>> samples_of(rows());
  for (std::uint32_t index = 0; index < sampled_.size() && index < shared_index.size(); ++index) {
    if (sampled_[index] < kDropped && shared_index[index] != Reservoir::kNone) {
      samples_of[sampled_[index]].push_back(shared_index[index]);
    }
  }
  std::vector<double> sums(m);
  for (std::size_t owner = 0; owner < parcels.size(); ++owner) {
    state::Writer& out = parcels[owner];
    out.put(static_cast<std::uint64_t>(slots_of[owner].size()));
    out.put(static_cast<std::uint8_t>(small ? 1 : 0));
    std::vector<std::uint32_t> samples;  // number of the label and part, index in the common sample
    for (std::uint32_t label = 0; label < slots_of[owner].size(); ++label) {
      const std::uint32_t slot = slots_of[owner][label];
      for (const std::int64_t value : table_->key(row_of_slot_[slot])) {
        small ? out.put(static_cast<std::int32_t>(value)) : out.put(value);
      }
      std::uint8_t mask = 0;  // parts that are there, and in the high bits those with float64 sums
      for (unsigned part = 0; part < 4; ++part) {
        const std::uint32_t number = parts_[slot][part];
        if (number != kNone && tokens_of_row(number) > 0) {
          mask |= static_cast<std::uint8_t>((has_whole(number) ? 0x11U : 0x01U) << part);
        }
      }
      out.put(mask);
      for (unsigned part = 0; part < 4; ++part) {
        const std::uint32_t number = parts_[slot][part];
        if ((mask >> part & 1U) == 0) {
          continue;
        }
        out.put(squares_[number]);
        if (has_whole(number)) {
          std::fill(sums.begin(), sums.end(), 0.0);
          add_row_to(number, sums.data());
          out.put(tokens_of_row(number));
          out.put_values(sums.data(), m);
        } else {
          out.put(counts_[number]);
          out.put_values(row(number), m);
        }
        for (const std::uint32_t index : samples_of[number]) {
          samples.insert(samples.end(), {4 * label + part, index});
        }
      }
    }
    out.put_array(samples);
  }
}

void LabelRows::take_parcel(state::Reader& in) {
  const auto m = static_cast<std::size_t>(anchors_);
  const auto count = in.get<std::uint64_t>();
  const bool small = in.get_flag();
  std::vector<std::int64_t> key(static_cast<std::size_t>(width_));
  std::vector<float> recent(m);
  std::vector<double> whole_sums(m);
  std::vector<std::uint32_t> row_of;  // by number of the label and part
  for (std::uint64_t label = 0; label < count; ++label) {
    for (std::int64_t& value : key) {
      value = small ? in.get<std::int32_t>() : in.get<std::int64_t>();
    }
    const std::uint32_t slot = slot_of_key(key);
    state::Reader::require(slot != kDropped, "a label came that is not in the sample of labels");
    const auto mask = in.get<std::uint8_t>();
    for (unsigned part = 0; part < 4; ++part) {
      if ((mask >> part & 1U) == 0) {
        row_of.push_back(kNone);
        continue;
      }
      const std::uint32_t to = part_of(slot, part);
      row_of.push_back(to);
      squares_[to] += in.get<float>();
      if ((mask >> part & 0x10U) != 0) {
        const auto tokens = in.get<std::int64_t>();
        in.get_values(whole_sums.data(), m);
        whole(to);
        add_tokens(to, tokens, whole_sums.data());
        continue;
      }
      const auto tokens = in.get<std::uint16_t>();
      in.get_values(recent.data(), m);
      const int pending = (pending_[to] & ~kHasWhole) + tokens;
      if (pending >= kFloatTokens) {
        whole(to);
      } else if (!has_whole(to)) {
        pending_[to] = static_cast<std::uint16_t>(pending);
      }
      add_tokens(to, tokens, recent.data());
    }
  }
  const auto samples = in.get_array<std::uint32_t>();
  for (std::size_t i = 0; i + 1 < samples.size(); i += 2) {
    state::Reader::require(samples[i] < row_of.size() && samples[i + 1] < sampled_.size(), "a sample has no label");
    sampled_[samples[i + 1]] = row_of[samples[i]];
  }
}

std::vector<double> LabelRows::labels_by_level() const {
  std::vector<double> result(kLevels, 0.0);
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    ++result[static_cast<std::size_t>(std::countl_zero(hash_of(table_->key(row_of_slot_[slot]), salt_)))];
  }
  for (std::size_t level = kLevels - 1; level > 0; --level) {
    result[level - 1] += result[level];
  }
  return result;
}

void LabelRows::drop_to_limit(std::span<const double> labels_by_level) {
  int level = level_;
  while (max_labels_ > 0 && level < 64 &&
         labels_by_level[static_cast<std::size_t>(level)] > static_cast<double>(max_labels_)) {
    ++level;
  }
  reserve_for_dropping();
  drop_labels(level);
}

}  // namespace infoplane::estimator
