#include <algorithm>
#include <cmath>
#include <infoplane/bound/joint_builder.hpp>
#include <infoplane/core/error.hpp>
#include <limits>

namespace infoplane::bound {
namespace {

constexpr std::size_t kSmallest = std::size_t{1} << 20U;

/// Id of a key; the next one where it is new.
template <typename Key>
std::uint32_t id_of(std::unordered_map<Key, std::uint32_t>& ids, Key key) {
  INFOPLANE_CHECK(ids.size() < std::numeric_limits<std::uint32_t>::max(), ArgumentError,
                  "a joint takes at most 2^32 - 1 distinct labels a side");
  return ids.try_emplace(key, static_cast<std::uint32_t>(ids.size())).first->second;
}

std::uint64_t pair_key(std::uint32_t first, std::uint32_t second) {
  return (static_cast<std::uint64_t>(first) << 32U) | second;
}

}  // namespace

namespace detail {

void PairCounts::add(std::uint32_t x, std::uint32_t y, double count) {
  pending_.emplace_back(pair_key(x, y), count);
  if (pending_.size() >= std::max(kSmallest, sorted_.size())) {
    compact();
  }
}

void PairCounts::compact() {
  std::sort(pending_.begin(), pending_.end());
  std::vector<Entry> merged;
  merged.reserve(sorted_.size());
  auto one = sorted_.begin();
  auto two = pending_.begin();
  while (one != sorted_.end() || two != pending_.end()) {
    const bool first = two == pending_.end() || (one != sorted_.end() && one->first <= two->first);
    const Entry& next = first ? *one++ : *two++;
    if (!merged.empty() && merged.back().first == next.first) {
      merged.back().second += next.second;
    } else {
      merged.push_back(next);
    }
  }
  sorted_ = std::move(merged);
  pending_.clear();
}

Joint PairCounts::joint() {
  compact();
  INFOPLANE_CHECK(!sorted_.empty(), StateError, "a joint needs at least one pair: none was added");
  std::vector<std::int64_t> offsets{0};
  std::vector<std::uint32_t> columns;
  std::vector<double> counts;
  columns.reserve(sorted_.size());
  counts.reserve(sorted_.size());
  std::uint32_t highest = 0;
  for (const auto& [key, count] : sorted_) {
    // A row without an entry cannot come from the builders, but an n-gram that ends a sequence is an id without a row.
    while (offsets.size() <= key >> 32U) {
      offsets.push_back(static_cast<std::int64_t>(columns.size()));
    }
    columns.push_back(static_cast<std::uint32_t>(key));
    counts.push_back(count);
    highest = std::max(highest, columns.back());
  }
  offsets.push_back(static_cast<std::int64_t>(columns.size()));
  return {std::move(offsets), std::move(columns), std::move(counts), static_cast<std::int64_t>(highest) + 1};
}

}  // namespace detail

void JointBuilder::add(std::int64_t x, std::int64_t y, double count) {
  INFOPLANE_CHECK(std::isfinite(count) && count >= 0, ArgumentError, "the pair (", x, ", ", y, ") came with the count ",
                  count, ": counts are finite and not negative");
  if (x >= 0 && y >= 0 && count > 0) {
    counts_.add(id_of(rows_, x), id_of(columns_, y), count);
  }
}

void JointBuilder::add(std::span<const std::int64_t> x, std::span<const std::int64_t> y) {
  INFOPLANE_CHECK(x.size() == y.size(), ArgumentError, "pairs need as many x as y, got ", x.size(), " and ", y.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    add(x[i], y[i]);
  }
}

Joint JointBuilder::build() { return counts_.joint(); }

NgramJointBuilder::NgramJointBuilder(std::int64_t input_order, std::int64_t output_order)
    : input_order_(static_cast<std::size_t>(input_order)), output_order_(static_cast<std::size_t>(output_order)) {
  INFOPLANE_CHECK(input_order >= 1 && input_order <= 8 && output_order >= 1 && output_order <= 8, ArgumentError,
                  "n-gram orders are from 1 to 8, got ", input_order, " and ", output_order);
  longer_.resize(std::max(input_order_, output_order_) - 1);
}

void NgramJointBuilder::advance(std::uint64_t token) {
  previous_.swap(current_);
  current_.clear();
  const auto last = id_of(tokens_, token);
  current_.push_back(last);
  for (std::size_t n = 0; n < longer_.size() && n < previous_.size(); ++n) {
    current_.push_back(id_of(longer_[n], pair_key(previous_[n], last)));
  }
}

template <typename Token>
void NgramJointBuilder::add_tokens(std::span<const Token> tokens) {
  // x of the last `output_order` positions, so that it is at hand when its y is complete.
  std::vector<std::int64_t> inputs(output_order_, -1);
  current_.clear();
  std::size_t position = 0;
  for (const Token token : tokens) {
    if constexpr (std::is_signed_v<Token>) {
      if (token < 0) {
        current_.clear();
        std::fill(inputs.begin(), inputs.end(), -1);
        continue;
      }
    }
    advance(static_cast<std::uint64_t>(token));
    auto& input = inputs[position++ % output_order_];
    if (input >= 0 && current_.size() >= output_order_) {
      counts_.add(static_cast<std::uint32_t>(input), current_[output_order_ - 1], 1);
    }
    input = current_.size() >= input_order_ ? std::int64_t{current_[input_order_ - 1]} : -1;
  }
}

void NgramJointBuilder::add(std::span<const std::int64_t> tokens) { add_tokens(tokens); }
void NgramJointBuilder::add(std::span<const std::int32_t> tokens) { add_tokens(tokens); }
void NgramJointBuilder::add(std::span<const unsigned char> bytes) { add_tokens(bytes); }

Joint NgramJointBuilder::build() { return counts_.joint(); }

}  // namespace infoplane::bound
