#include <algorithm>
#include <cmath>

#include "core/state.hpp"
#include "estimator/label_rows.hpp"

namespace infoplane::estimator {
namespace {

using state::Reader;

template <typename T>
bool are_sums(const std::vector<T>& values) {
  return std::all_of(values.begin(), values.end(), [](T value) { return std::isfinite(value) && value >= 0; });
}

}  // namespace

void LabelRows::save(state::Writer& out) const {
  out.put_text(name_);
  out.put(width_);
  std::vector<std::int64_t> keys;
  std::vector<std::uint32_t> parts;
  for (std::size_t slot = 0; slot < slots(); ++slot) {
    const auto key = table_->key(row_of_slot_[slot]);
    keys.insert(keys.end(), key.begin(), key.end());
    parts.insert(parts.end(), parts_[slot].begin(), parts_[slot].end());
  }
  out.put_array(keys);
  out.put_array(parts);
  out.put_array(dealt_);
  out.put_array(pending_);
  out.put_array(counts_);
  for (std::uint32_t number = 0; number < rows(); ++number) {
    out.put_array(row(number), static_cast<std::size_t>(anchors_));
  }
  for (std::uint32_t number = 0; number < rows(); ++number) {  // the map's own order is nobody's business
    if ((pending_[number] & kHasWhole) != 0) {
      const Whole& whole = wholes_.find(number)->second;
      out.put(whole.tokens);
      out.put_array(whole.sums.get(), static_cast<std::size_t>(anchors_));
    }
  }
  out.put_array(sampled_);
}

std::unique_ptr<LabelRows> LabelRows::load(Reader& in, std::int64_t anchors, std::uint64_t stream,
                                           std::uint32_t reservoir_rows) {
  const std::string name = in.get_text();
  const auto width = in.get<int>();
  Reader::require(width >= 1 && width <= 8, "a label set has keys of an impossible width");
  auto result = std::make_unique<LabelRows>(name, width, anchors, stream);
  result->load_labels(in);
  result->load_rows(in);
  result->sampled_ = in.get_array<std::uint32_t>();
  Reader::require(result->sampled_.size() <= reservoir_rows, "a label set knows more samples than there are");
  const std::vector<std::uint32_t> slot_of = result->slot_of_row();
  for (const std::uint32_t row : result->sampled_) {
    Reader::require(row == kNone || (row < result->rows() && result->tokens_of_slot(slot_of[row]) > 0),
                    "a sample has a label that was not seen");
  }
  result->sampled_.reserve(Reservoir::kCapacity);
  return result;
}

void LabelRows::load_labels(Reader& in) {
  own_table();
  const auto keys = in.get_array<std::int64_t>();
  const auto width = static_cast<std::size_t>(width_);
  Reader::require(keys.size() % width == 0, "a label has half a key");
  const std::size_t count = keys.size() / width;
  for (std::size_t slot = 0; slot < count; ++slot) {
    const std::int32_t row = own_->insert(std::span(keys).subspan(slot * width, width));
    Reader::require(static_cast<std::size_t>(row) == slot, "a label is there twice");
    row_of_slot_.push_back(row);
    slot_of_row_.push_back(row);
  }
  const auto parts = in.get_array<std::uint32_t>(4 * count, "a label has other than four parts");
  for (std::size_t slot = 0; slot < count; ++slot) {
    parts_.push_back({parts[4 * slot], parts[4 * slot + 1], parts[4 * slot + 2], parts[4 * slot + 3]});
  }
  dealt_ = in.get_array<std::uint32_t>(count, "a label was not dealt");
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
  Reader::require(std::find(found.begin(), found.end(), false) == found.end(), "a row of sums has no label");
  for (std::uint32_t number = 0; number < count; ++number) {
    Reader::require((pending_[number] & ~kHasWhole) < kFloatTokens && counts_[number] < kFloatTokens,
                    "a row has an impossible count");
    const auto sums = in.get_array<float>(m, "a row has another number of anchors");
    Reader::require(are_sums(sums), "a row has a sum that is none");
    if (number % kBlockRows == 0) {
      blocks_.push_back(std::make_unique<float[]>(kBlockRows * m));
    }
    std::copy(sums.begin(), sums.end(), row(number));
  }
  for (std::uint32_t number = 0; number < count; ++number) {
    if ((pending_[number] & kHasWhole) != 0) {
      constexpr std::int64_t kMostTokens = std::int64_t{1} << 53U;
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
