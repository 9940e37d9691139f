#include "estimator/label_sums/pair_counts.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "core/state.hpp"
#include "estimator/label_sums/growth.hpp"

namespace infoplane::estimator {
namespace {

constexpr std::size_t kFewest = 4096;  // that are worth putting together
constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();

std::uint64_t key_of(std::uint32_t input, std::uint32_t output) noexcept {
  return static_cast<std::uint64_t>(input & kSumNumber) << 32U | (output & kSumNumber);
}

const LabelSet& find(std::span<const std::unique_ptr<LabelSet>> sets, const std::string& name) {
  const auto found = std::find_if(sets.begin(), sets.end(), [&](const auto& set) { return set->name() == name; });
  state::Reader::require(found != sets.end(), "there are pairs of a label set that is not there");
  return **found;
}

}  // namespace

void PairCounts::reserve(std::size_t tokens) {
  if (!complete_) {
    return;
  }
  if (recent_.size() + tokens > recent_.capacity() && recent_.size() >= std::max(kFewest, keys_.size() / 2)) {
    keep(pairs());
    recent_.clear();
  }
  grow_to(recent_, recent_.size() + tokens);
}

void PairCounts::commit(const UpdatePlan& input, const UpdatePlan& output) noexcept {
  bool lost = false;
  for (std::size_t i = 0; i < input.size(); ++i) {
    if (input[i] == kNoSum || output[i] == kNoSum) {
      continue;
    }
    positions_ += positions_ >= 0 ? 1 : 0;
    if (input[i] == kDropped || output[i] == kDropped) {
      lost = true;
    } else if (complete_) {
      recent_.push_back(key_of(input[i], output[i]));  // there is room
    }
  }
  if (lost) {
    lose();
  }
}

void PairCounts::lose() noexcept {
  complete_ = false;
  keys_ = std::vector<std::uint64_t>();
  counts_ = std::vector<std::uint32_t>();
  recent_ = std::vector<std::uint64_t>();
}

std::vector<PairCounts::Pair> PairCounts::pairs() const {
  std::vector<std::uint64_t> recent = recent_;
  std::sort(recent.begin(), recent.end());
  std::vector<Pair> result;
  result.reserve(keys_.size() + recent.size());
  const auto add = [&result](std::uint64_t key, std::int64_t tokens) {
    const auto input = static_cast<std::uint32_t>(key >> 32U), output = static_cast<std::uint32_t>(key);
    if (!result.empty() && result.back().input == input && result.back().output == output) {
      result.back().tokens += tokens;
    } else {
      result.push_back({input, output, tokens});
    }
  };
  std::size_t i = 0;
  for (std::size_t k = 0; k < keys_.size(); ++k) {
    for (; i < recent.size() && recent[i] < keys_[k]; ++i) {
      add(recent[i], 1);
    }
    add(keys_[k], counts_[k]);
  }
  for (; i < recent.size(); ++i) {
    add(recent[i], 1);
  }
  return result;
}

void PairCounts::keep(std::span<const Pair> all) {
  std::vector<std::uint64_t> keys;
  std::vector<std::uint32_t> counts;
  keys.reserve(all.size());
  counts.reserve(all.size());
  for (const auto& [input, output, tokens] : all) {
    for (std::int64_t left = tokens; left > 0; left -= counts.back()) {  // a pair of more than 2^32 tokens has several
      keys.push_back(key_of(input, output));
      counts.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(left, kMost)));
    }
  }
  keys_.swap(keys);
  counts_.swap(counts);
}

void PairCounts::add(const PairCounts& other, std::span<const std::uint32_t> inputs,
                     std::span<const std::uint32_t> outputs) {
  std::vector<Pair> all = pairs();
  bool complete = complete_ && other.complete_;
  for (const auto& [input, output, tokens] : other.pairs()) {
    complete = complete && inputs[input] < kDropped && outputs[output] < kDropped;
    all.push_back({inputs[input], outputs[output], tokens});
  }
  positions_ = positions_ < 0 || other.positions_ < 0 ? -1 : positions_ + other.positions_;
  if (!complete) {
    lose();
    return;
  }
  std::sort(all.begin(), all.end(),
            [](const Pair& a, const Pair& b) { return key_of(a.input, a.output) < key_of(b.input, b.output); });
  keep(all);
  recent_.clear();
}

std::int64_t PairCounts::memory_bytes() const noexcept {
  return capacity_bytes(keys_) + capacity_bytes(counts_) + capacity_bytes(recent_);
}

void PairCounts::save(state::Writer& out) const {
  out.put_text(input_);
  out.put_text(output_);
  out.put(positions_);
  out.put(static_cast<std::uint8_t>(complete_ ? 1 : 0));
  out.put_array(keys_);
  out.put_array(counts_);
  out.put_array(recent_);
}

PairCounts PairCounts::load(state::Reader& in, std::span<const std::unique_ptr<LabelSet>> sets) {
  using state::Reader;
  const std::string input = in.get_text(), output = in.get_text();
  const auto pair = paired_sets(std::array{input, output});
  Reader::require(!pair.empty() && pair.front().first == 0, "there are pairs of label sets that are none");
  const LabelSet& x = find(sets, input);
  const LabelSet& y = find(sets, output);
  PairCounts result(input, output);
  result.positions_ = in.get<std::int64_t>();
  result.complete_ = in.get_flag();
  Reader::require(
      result.positions_ >= (result.complete_ ? 0 : -1) && result.positions_ <= std::min(x.tokens(), y.tokens()),
      "there are more pairs of labels than labels");
  result.keys_ = in.get_array<std::uint64_t>();
  result.counts_ = in.get_array<std::uint32_t>(result.keys_.size(), "pairs of labels have no count");
  result.recent_ = in.get_array<std::uint64_t>();
  Reader::require(std::is_sorted(result.keys_.begin(), result.keys_.end()), "pairs of labels are not in order");
  Reader::require(result.complete_ || (result.keys_.empty() && result.recent_.empty()),
                  "lost pairs of labels are there");
  Reader::require(!result.complete_ || (x.slots().level() == 0 && y.slots().level() == 0),
                  "pairs of labels that are not kept are there");
  std::vector<std::int64_t> of_x(x.counts().size(), 0), of_y(y.counts().size(), 0);
  std::int64_t tokens = 0;
  for (const auto& [x_sum, y_sum, count] : result.pairs()) {
    Reader::require(x_sum < of_x.size() && y_sum < of_y.size() && count > 0,
                    "a pair of labels has a label that was not seen");
    of_x[x_sum] += count;
    of_y[y_sum] += count;
    tokens += count;
    Reader::require(of_x[x_sum] <= x.counts().tokens(x_sum) && of_y[y_sum] <= y.counts().tokens(y_sum),
                    "a pair of labels was seen oftener than one of them");
  }
  Reader::require(!result.complete_ || tokens == result.positions_, "pairs of labels are of other positions");
  return result;
}

std::vector<std::pair<std::size_t, std::size_t>> paired_sets(std::span<const std::string> names) {
  constexpr std::string_view kInput = "input_", kOutput = "output_";
  std::vector<std::pair<std::size_t, std::size_t>> result;
  for (std::size_t x = 0; x < names.size(); ++x) {
    if (!names[x].starts_with(kInput)) {
      continue;
    }
    const std::string output = std::string(kOutput) + names[x].substr(kInput.size());
    const auto y = std::find(names.begin(), names.end(), output);
    if (y != names.end()) {
      result.emplace_back(x, static_cast<std::size_t>(y - names.begin()));
    }
  }
  return result;
}

}  // namespace infoplane::estimator
