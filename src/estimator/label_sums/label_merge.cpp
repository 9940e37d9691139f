#include <algorithm>
#include <functional>

#include "estimator/label_sums/growth.hpp"
#include "estimator/label_sums/label_rows.hpp"

namespace infoplane::estimator {

std::vector<std::uint32_t> LabelRows::sampled_alone(const std::vector<Reservoir::Merged::Source>& sources) const {
  std::vector<std::uint32_t> result;
  result.reserve(Reservoir::kCapacity);
  for (const auto& [theirs, index] : sources) {
    result.push_back(theirs || index >= sampled_.size() ? kNone : sampled_[index]);
  }
  return result;
}

LabelRows::MergePlan LabelRows::plan_merge(const LabelRows& other,
                                           const std::vector<Reservoir::Merged::Source>& sources) {
  MergePlan result{std::vector<std::uint32_t>(other.rows(), kNone), {}};
  if (!table_ && !other.own_) {
    table_ = other.table_;
  } else if (table_ != other.table_) {
    own_table();
  }
  if (table_ == other.table_ && slot_of_row_.size() < other.slot_of_row_.size()) {
    grow_to(slot_of_row_, other.slot_of_row_.size());
    slot_of_row_.resize(other.slot_of_row_.size(), labels::kNoRow);
  }
  const auto other_slots = static_cast<std::uint32_t>(other.slots());  // with itself: no more than are there now
  for (std::uint32_t slot = 0; slot < other_slots; ++slot) {
    if (other.tokens_of_slot(slot) == 0) {
      continue;
    }
    const std::int32_t table_row = other.row_of_slot_[slot];
    const std::uint32_t here =
        table_ == other.table_ ? slot_of_table_row(table_row) : slot_of_key(other.table_->key(table_row));
    if (here == kDropped) {
      for (const std::uint32_t from : other.parts_[slot]) {
        if (from != kNone) {
          result.rows[from] = kDropped;
        }
      }
      continue;
    }
    for (std::uint32_t part = 0; part < 4; ++part) {
      const std::uint32_t from = other.parts_[slot][part];
      if (from == kNone) {
        continue;
      }
      const std::uint32_t to = part_of(here, part);
      const int pending = (pending_[to] & ~kHasWhole) + (other.pending_[from] & ~kHasWhole);
      if (other.has_whole(from) || pending >= kFloatTokens) {
        whole(to);
      } else if (!has_whole(to)) {
        pending_[to] = static_cast<std::uint16_t>(pending);
      }
      result.rows[from] = to;
    }
  }
  result.sampled = sampled_alone(sources);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].theirs && sources[i].index < other.sampled_.size()) {
      const std::uint32_t from = other.sampled_[sources[i].index];
      result.sampled[i] = from >= kDropped ? from : result.rows[from];
    }
  }
  reserve_for_dropping();
  return result;
}

/// To the row of float64 sums where there is one.
template <typename T>
void LabelRows::add_tokens(std::uint32_t to, std::int64_t tokens, const T* sums) noexcept {
  const auto found = wholes_.find(to);
  if (found == wholes_.end()) {
    std::transform(sums, sums + anchors_, row(to), row(to),
                   [](T sum, float all) { return static_cast<float>(sum) + all; });
    counts_[to] = static_cast<std::uint16_t>(counts_[to] + tokens);
  } else {
    double* const all = found->second.sums.get();
    std::transform(sums, sums + anchors_, all, all,
                   [](T sum, double so_far) { return so_far + static_cast<double>(sum); });
    found->second.tokens += tokens;
  }
}

template void LabelRows::add_tokens(std::uint32_t to, std::int64_t tokens, const float* sums) noexcept;
template void LabelRows::add_tokens(std::uint32_t to, std::int64_t tokens, const double* sums) noexcept;

void LabelRows::merge(const LabelRows& other, MergePlan& plan) noexcept {
  for (std::uint32_t from = 0; from < plan.rows.size(); ++from) {
    const std::uint32_t to = plan.rows[from];
    if (to == kDropped) {
      other.add_row_to(from, dropped_.data());
      dropped_tokens_ += other.tokens_of_row(from);
    }
    if (to >= kDropped) {
      continue;
    }
    squares_[to] += other.squares_[from];
    if (!other.has_whole(from)) {
      add_tokens(to, other.counts_[from], other.row(from));
    } else {
      Whole& into = wholes_.find(to)->second;
      const std::int64_t tokens = other.tokens_of_row(from);
      other.add_row_to(from, into.sums.get());
      into.tokens += tokens;
    }
  }
  keep(plan.sampled);
  const std::int64_t dropped = other.dropped_tokens_;
  std::transform(dropped_.begin(), dropped_.end(), other.dropped_.begin(), dropped_.begin(), std::plus<>());
  dropped_tokens_ += dropped;
  drop_labels(other.level_);
  drop_beyond_limit();
}

}  // namespace infoplane::estimator
