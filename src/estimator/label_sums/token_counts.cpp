#include "estimator/label_sums/token_counts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/state.hpp"
#include "estimator/label_sums/growth.hpp"
#include "estimator/label_sums/replicates.hpp"
#include "estimator/statistics/entropy.hpp"

namespace infoplane::estimator {

using state::Reader;

namespace {

/// Which of `count` rows of sums the labels use, each at most once.
std::vector<bool> sums_in_use(const Replicates& replicates, std::size_t count) {
  std::vector<bool> used(count, false);
  for (std::size_t slot = 0; slot < replicates.size(); ++slot) {
    for (const std::uint32_t sum : replicates.sums(slot)) {
      Reader::require(sum == kNoSum || (sum < count && !used[sum]), "a row of sums is that of two labels");
      if (sum != kNoSum) {
        used[sum] = true;
      }
    }
  }
  return used;
}

}  // namespace

void TokenCounts::clear() noexcept {
  pending_.clear();
  recent_.clear();
  visit_.clear();
  squares_.clear();
  row_entropies_.clear();
  all_row_entropies_ = 0;
  large_.clear();
  free_.clear();
}

std::int64_t TokenCounts::tokens(std::uint32_t sum) const noexcept {
  return recent_[sum] + (is_large(sum) ? large_.find(sum)->second : 0);
}

std::int64_t TokenCounts::all_tokens() const noexcept {
  std::int64_t tokens = std::accumulate(recent_.begin(), recent_.end(), std::int64_t{0});  // free ones have none
  for (const auto& [sum, of_sum] : large_) {
    tokens += of_sum;
  }
  return tokens;
}

void TokenCounts::take() {
  if (!free_.empty()) {
    pending_[free_.back()] = 0;
    free_.pop_back();
    return;
  }
  const std::size_t sums = size() + 1;
  grow_to(pending_, sums);
  grow_to(recent_, sums);
  grow_to(visit_, sums);
  grow_to(squares_, sums);
  pending_.push_back(0);
  recent_.push_back(0);
  visit_.push_back(0);
  squares_.push_back(0);
  grow_to(row_entropies_, sums);
  row_entropies_.push_back(0);
}

void TokenCounts::make_large(std::uint32_t sum) {
  large_.emplace(sum, 0);
  pending_[sum] |= kLarge;
}

void TokenCounts::commit(const UpdatePlan& plan, std::span<const float> row_entropies) noexcept {
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const std::uint32_t entry = plan[i];
    if (entry >= kDropped) {
      continue;
    }
    const std::uint32_t sum = entry & kSumNumber;
    ++recent_[sum];
    add_row_entropies(sum, static_cast<double>(row_entropies[i]));
    if ((entry & kNewSequence) != 0) {
      visit_[sum] = 0;
    }
    squares_[sum] += static_cast<float>(2 * visit_[sum] + 1);
    visit_[sum] += visit_[sum] < 0xffffU ? 1 : 0;
    if ((entry & kFlush) != 0) {
      large_.find(sum)->second += recent_[sum];
      recent_[sum] = 0;
    }
  }
}

void TokenCounts::release(std::uint32_t sum) noexcept {
  large_.erase(sum);
  recent_[sum] = visit_[sum] = 0;
  squares_[sum] = 0;
  row_entropies_[sum] = 0;
  pending_[sum] = kFree;
  free_.push_back(sum);  // there is room
}

void TokenCounts::add_row_entropies(std::uint32_t sum, double entropies) noexcept {
  double& own = row_entropies_[sum];
  if (std::isnan(own)) {
    all_row_entropies_ += std::isnan(entropies) ? 0.0 : entropies;
  } else if (std::isnan(entropies)) {  // what came is among `all_row_entropies` of where it came from
    all_row_entropies_ += own;
    own = entropies;
  } else {
    own += entropies;
  }
}

void TokenCounts::add(std::uint32_t sum, std::int64_t tokens, float squares, double row_entropies) noexcept {
  squares_[sum] += squares;
  add_row_entropies(sum, row_entropies);
  if (is_large(sum)) {
    large_.find(sum)->second += tokens;
  } else {
    pending_[sum] = static_cast<std::uint16_t>(pending_[sum] + tokens);
    recent_[sum] = static_cast<std::uint16_t>(recent_[sum] + tokens);
  }
}

std::int64_t TokenCounts::memory_bytes() const noexcept {
  // A node of the map: number, tokens, pointers and bucket.
  return capacity_bytes(pending_) + capacity_bytes(recent_) + capacity_bytes(visit_) + capacity_bytes(squares_) +
         capacity_bytes(row_entropies_) + capacity_bytes(free_) + static_cast<std::int64_t>(large_.size()) * 40;
}

void TokenCounts::save(state::Writer& out) const {
  out.put_array(pending_);
  out.put_array(recent_);
  out.put_array(visit_);
  out.put_array(squares_);
  out.put_array(row_entropies_);
  out.put(all_row_entropies_);
  out.put_array(free_);
}

void TokenCounts::load(Reader& in, const Replicates& replicates, SavedEntropies saved) {
  pending_ = in.get_array<std::uint16_t>();
  const std::size_t count = size();
  recent_ = in.get_array<std::uint16_t>(count, "rows have no counts");
  auto used = sums_in_use(replicates, count);
  visit_ = in.get_array<std::uint16_t>(count, "rows have no visits");
  squares_ = in.get_array<float>(count, "rows have no squares");
  Reader::require(are_sums(squares_), "a row has squares that are none");
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  if (saved == SavedEntropies::kOfSums) {
    row_entropies_ = in.get_array<double>(count, "rows have no entropies");
  } else {
    if (saved == SavedEntropies::kTogether) {
      in.get_array<double>(0, "rows have entropies");
    }
    row_entropies_.assign(count, kUnknown);
  }
  all_row_entropies_ = saved == SavedEntropies::kNone ? kUnknown : in.get<double>();
  free_ = in.get_array<std::uint32_t>();
  require_each_used_or_free(std::move(used));
  for (const std::uint32_t sum : free_) {
    row_entropies_[sum] = 0;
  }
  for (std::uint32_t sum = 0; sum < count; ++sum) {
    Reader::require(is_free(sum) || (fits(sum, 0) && recent_[sum] < kFloatTokens), "a row has an impossible count");
  }
}

void TokenCounts::require_each_used_or_free(std::vector<bool> used) const {
  for (const std::uint32_t sum : free_) {
    Reader::require(sum < size() && !used[sum] && is_free(sum) && recent_[sum] == 0, "a free row is in use");
    used[sum] = true;
  }
  Reader::require(std::find(used.begin(), used.end(), false) == used.end() &&
                      static_cast<std::size_t>(std::count(pending_.begin(), pending_.end(), kFree)) == free_.size(),
                  "a row of sums has no label");
}

void TokenCounts::save_large(std::uint32_t sum, state::Writer& out) const { out.put(large_.find(sum)->second); }

void TokenCounts::load_large(std::uint32_t sum, Reader& in) {
  const auto tokens = in.get<std::int64_t>();
  Reader::require(tokens >= 0 && tokens < static_cast<std::int64_t>(state::kMost), "a row has a sum that is none");
  large_[sum] = tokens;
}

}  // namespace infoplane::estimator
