#include <algorithm>
#include <numeric>

#include "core/state.hpp"
#include "estimator/label_sums/label_rows.hpp"
#include "estimator/statistics/entropy.hpp"

namespace infoplane::estimator {
namespace {

using state::Reader;

constexpr auto kMostTokens = static_cast<std::int64_t>(state::kMost);

}  // namespace

void LabelRows::save(state::Writer& out) const {
  out.put_text(name_);
  out.put(width_);
  out.put(static_cast<std::uint8_t>(level_));
  std::vector<std::uint8_t> live;
  std::vector<std::int64_t> keys;
  std::vector<std::uint32_t> parts;
  for (std::size_t slot = 0; slot < slots(); ++slot) {
    live.push_back(row_of_slot_[slot] != labels::kNoRow ? 1 : 0);
    if (live.back() != 0) {
      const auto key = table_->key(row_of_slot_[slot]);
      keys.insert(keys.end(), key.begin(), key.end());
    }
    parts.insert(parts.end(), parts_[slot].begin(), parts_[slot].end());
  }
  out.put_array(live);
  out.put_array(keys);
  out.put_array(parts);
  out.put_array(dealt_);
  out.put_array(free_slots_);
  out.put_array(pending_);
  out.put_array(counts_);
  out.put_array(visit_);
  out.put_array(squares_);
  out.put_array(free_rows_);
  for (std::uint32_t number = 0; number < rows(); ++number) {
    out.put_array(row(number), static_cast<std::size_t>(anchors_));
  }
  for (std::uint32_t number = 0; number < rows(); ++number) {  // the map's own order is nobody's business
    if (has_whole(number)) {
      const Whole& whole = wholes_.find(number)->second;
      out.put(whole.tokens);
      out.put_array(whole.sums.get(), static_cast<std::size_t>(anchors_));
    }
  }
  out.put_array(dropped_);
  out.put(dropped_tokens_);
  out.put_array(sampled_);
}

std::unique_ptr<LabelRows> LabelRows::load(Reader& in, std::int64_t anchors, const SoftEntropyOptions& options,
                                           std::uint32_t reservoir_rows) {
  const std::string name = in.get_text();
  const auto width = in.get<int>();
  Reader::require(width >= 1 && width <= 8, "a label set has keys of an impossible width");
  auto result = std::make_unique<LabelRows>(name, width, anchors, options);
  result->level_ = in.get<std::uint8_t>();
  Reader::require(result->level_ <= (options.max_labels() > 0 ? 64 : 0), "labels were dropped without need");
  result->load_labels(in);
  result->load_rows(in);
  result->dropped_ = in.get_array<double>(result->dropped_.size(), "sums are of another number of anchors");
  result->dropped_tokens_ = in.get<std::int64_t>();
  Reader::require(are_sums(result->dropped_) && result->dropped_tokens_ >= 0 && result->dropped_tokens_ < kMostTokens &&
                      state::agree(std::accumulate(result->dropped_.begin(), result->dropped_.end(), 0.0),
                                   static_cast<double>(result->dropped_tokens_)),
                  "the dropped labels have sums that are not those of their tokens");
  result->check_counts();
  result->sampled_ = in.get_array<std::uint32_t>();
  Reader::require(result->sampled_.size() <= reservoir_rows, "a label set knows more samples than there are");
  const std::vector<std::uint32_t> slot_of = result->slot_of_row();
  for (const std::uint32_t row : result->sampled_) {
    Reader::require(
        row >= kDropped || (row < result->rows() && slot_of[row] != kNone && result->tokens_of_slot(slot_of[row]) > 0),
        "a sample has a label that was not seen");
  }
  result->sampled_.reserve(Reservoir::kCapacity);
  return result;
}

void LabelRows::load_labels(Reader& in) {
  own_table();
  const auto live = in.get_array<std::uint8_t>();
  const auto keys = in.get_array<std::int64_t>();
  const auto width = static_cast<std::size_t>(width_);
  const auto count = static_cast<std::size_t>(std::count(live.begin(), live.end(), std::uint8_t{1}));
  Reader::require(keys.size() == width * count, "a label has no key, or half of one");
  std::size_t next = 0;
  for (std::size_t slot = 0; slot < live.size(); ++slot) {
    row_of_slot_.push_back(labels::kNoRow);
    if (live[slot] == 1) {
      const auto key = std::span(keys).subspan(next * width, width);
      const std::int32_t row = own_->insert(key);
      Reader::require(static_cast<std::size_t>(row) == next && kept(key), "a label is there twice or not kept");
      ++next;
      row_of_slot_.back() = row;
      slot_of_row_.push_back(static_cast<std::int32_t>(slot));
    }
  }
  const auto parts = in.get_array<std::uint32_t>(4 * live.size(), "a label has other than four parts");
  for (std::size_t slot = 0; slot < live.size(); ++slot) {
    parts_.push_back({parts[4 * slot], parts[4 * slot + 1], parts[4 * slot + 2], parts[4 * slot + 3]});
    Reader::require(live[slot] == 1 || parts_.back() == Parts{kNone, kNone, kNone, kNone}, "no label has parts");
  }
  dealt_ = in.get_array<std::uint32_t>(live.size(), "a label was not dealt");
  free_slots_ = in.get_array<std::uint32_t>(live.size() - count, "there are other than the free labels");
  std::vector<bool> free(live.size(), false);
  for (const std::uint32_t slot : free_slots_) {
    Reader::require(slot < live.size() && live[slot] != 1 && !free[slot], "a label is free twice or not at all");
    free[slot] = true;
  }
}

/// Rows and their numbers of tokens say the same.
void LabelRows::check_counts() const {
  std::vector<double> sums(static_cast<std::size_t>(anchors_));
  std::int64_t all = dropped_tokens_;
  for (std::uint32_t number = 0; number < rows(); ++number) {
    const std::int64_t tokens = tokens_of_row(number);
    const auto count = static_cast<double>(tokens);
    std::fill(sums.begin(), sums.end(), 0.0);
    add_row_to(number, sums.data());
    Reader::require(state::agree(std::accumulate(sums.begin(), sums.end(), 0.0), count),
                    "a row has sums that are not those of its tokens");
    const auto squares = static_cast<double>(squares_[number]);  // Σ k² over sequences, where Σ k is the count
    constexpr double kExact = 1 << 24;                           // float32 beyond does not grow by 1
    Reader::require(squares >= std::min(count, kExact) * (1 - 1e-3) && squares <= count * count * (1 + 1e-3),
                    "a row has squares that are none");
    Reader::require((all += tokens) < kMostTokens, "a label set has an impossible number of tokens");
  }
}

void LabelRows::load_rows(Reader& in) {
  const auto m = static_cast<std::size_t>(anchors_);
  pending_ = in.get_array<std::uint16_t>();
  const std::size_t count = pending_.size();
  counts_ = in.get_array<std::uint16_t>(count, "rows have no counts");
  std::vector<bool> found(count, false);
  for (const Parts& parts : parts_) {
    for (const std::uint32_t row : parts) {
      Reader::require(row == kNone || (row < count && !found[row]), "a row of sums is that of two labels");
      if (row != kNone) {
        found[row] = true;
      }
    }
  }
  visit_ = in.get_array<std::uint16_t>(count, "rows have no visits");
  squares_ = in.get_array<float>(count, "rows have no squares");
  Reader::require(are_sums(squares_), "a row has squares that are none");
  free_rows_ = in.get_array<std::uint32_t>();
  for (const std::uint32_t row : free_rows_) {
    Reader::require(row < count && !found[row] && pending_[row] == kFree && counts_[row] == 0, "a free row is in use");
    found[row] = true;
  }
  Reader::require(
      std::find(found.begin(), found.end(), false) == found.end() &&
          static_cast<std::size_t>(std::count(pending_.begin(), pending_.end(), kFree)) == free_rows_.size(),
      "a row of sums has no label");
  for (std::uint32_t number = 0; number < count; ++number) {
    Reader::require(
        pending_[number] == kFree || ((pending_[number] & ~kHasWhole) < kFloatTokens && counts_[number] < kFloatTokens),
        "a row has an impossible count");
    const auto sums = in.get_array<float>(m, "a row has another number of anchors");
    Reader::require(are_sums(sums), "a row has a sum that is none");
    if (number % kBlockRows == 0) {
      blocks_.push_back(std::make_unique<float[]>(kBlockRows * m));
    }
    std::copy(sums.begin(), sums.end(), row(number));
  }
  for (std::uint32_t number = 0; number < count; ++number) {
    if (has_whole(number)) {
      const auto tokens = in.get<std::int64_t>();
      const auto sums = in.get_array<double>(m, "a row has another number of anchors");
      Reader::require(tokens >= 0 && tokens < kMostTokens && are_sums(sums), "a row has a sum that is none");
      Whole& whole = wholes_[number];
      whole.tokens = tokens;
      whole.sums = std::make_unique<double[]>(m);
      std::copy(sums.begin(), sums.end(), whole.sums.get());
    }
  }
}

}  // namespace infoplane::estimator
