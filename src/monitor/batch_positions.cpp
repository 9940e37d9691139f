#include "monitor/batch_positions.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <numeric>

#include "labels/picked.hpp"

namespace infoplane {

namespace {

constexpr std::int64_t kNoToken = -1;

std::int64_t counted_of(const labels::Grouping& grouping) {
  const auto& counted = grouping.counted;
  return counted.empty() ? grouping.positions : std::count(counted.begin(), counted.end(), std::uint8_t{1});
}

/// The label of a whole row, of a set that has one; kNoRow where the row has none.
std::int32_t label_of_row(const labels::LabelAssignment& set, std::int64_t row, std::int64_t length) {
  const auto begin = set.rows.begin() + row * length;
  const auto found = std::find_if(begin, begin + length, [](std::int32_t label) { return label != labels::kNoRow; });
  return found == begin + length ? labels::kNoRow : *found;
}

at::Tensor positions_on(const at::Device& device, const std::vector<std::int64_t>& positions) {
  auto host = at::empty({static_cast<std::int64_t>(positions.size())}, at::kLong);
  std::copy(positions.begin(), positions.end(), host.mutable_data_ptr<std::int64_t>());
  return host.to(device);
}

bool row_counts(const labels::Grouping& grouping, std::int64_t row) {
  const auto begin = grouping.counted.begin() + row * grouping.row_length;
  return grouping.counted.empty() || std::any_of(begin, begin + grouping.row_length, [](auto c) { return c != 0; });
}

}  // namespace

BatchPositions::BatchPositions(HostBatch batch, labels::LabelIndex& index, bool time_first)
    : batch_(std::move(batch)), index_(&index), time_first_(time_first) {
  if (batch_.has_shape()) {
    whole_ = index_->group(batch_.tokens(), batch_.others(batch_.tokens().tokens.columns()));
    observed_ = {batch_.sequences(), batch_.length(), counted_of(*whole_)};
    if (!batch_.whole()) {
      whole_ = at_tokens(batch_.positions());
      observed_.counted = counted_of(*whole_);
    }
  }
}

const Place* BatchPositions::place(c10::IntArrayRef sizes) {
  if (!batch_.has_shape() && !whole_) {
    take_shape(sizes);
  }
  const auto full = batch_.prefix() + observed_.length + batch_.suffix();
  for (const auto length : {full, observed_.length}) {
    if (batch_.has_shape() && fits(sizes, {observed_.sequences, length, 0})) {
      has_fitted_ = true;
      return &with_tokens(length);
    }
  }
  const auto length = length_of(sizes);
  if (!batch_.has_shape()) {
    return length > 0 ? &without_shape(length) : nullptr;
  }
  const bool takes_part = !batch_.has_tokens() || batch_.has_labels_of_rows();
  return length > 0 && takes_part ? &elsewhere(length) : nullptr;
}

/// Positions of a micro-batch that has no tokens and nothing else that says them.
void BatchPositions::take_shape(c10::IntArrayRef sizes) {
  const auto axes = sizes.size();
  INFOPLANE_CHECK(axes >= 2 && axes <= 4, SiteError,
                  "without tokens the activations say the positions, as [B, T, d], [B, H, W, d] or [N, d], got [",
                  detail::join(sizes), "]: give labels or a mask of [B, T] by BatchDetails");
  const bool flat = axes == 2;
  observed_.sequences = sizes[axes == 3 && time_first_ ? 1 : 0];
  INFOPLANE_CHECK(batch_.sequences() == 0 || batch_.sequences() == observed_.sequences ||
                      (flat && sizes[0] % batch_.sequences() == 0),
                  SiteError, "the first activations are [", detail::join(sizes), "], and the labels are of ",
                  batch_.sequences(), " rows: give one label for each row, or labels of [B, T]");
  observed_.sequences = batch_.sequences() == 0 ? observed_.sequences : batch_.sequences();
  const auto length = length_of(sizes);
  observed_.length = length - batch_.prefix() - batch_.suffix();
  INFOPLANE_CHECK(observed_.length > 0, SiteError, "the first activations have ", length,
                  " positions in a row, of which prefix and suffix take ", batch_.prefix() + batch_.suffix(),
                  ": give the numbers of positions that are in front and behind");
  whole_ = index_->group(batch_.at(observed_.sequences, observed_.length), batch_.others(observed_.length));
  observed_.counted = counted_of(*whole_);
}

std::int64_t BatchPositions::length_of(c10::IntArrayRef sizes) const noexcept {
  const auto rows = observed_.sequences;
  switch (sizes.size()) {
    case 2:
      return rows > 0 && sizes[0] % rows == 0 ? sizes[0] / rows : 0;
    case 3:
      if (sizes[time_first_ ? 1 : 0] == rows) {
        return sizes[time_first_ ? 0 : 1];
      }
      return sizes[0] == rows ? sizes[1] : sizes[1] == rows ? sizes[0] : 0;
    case 4:
      return sizes[0] == rows ? sizes[1] * sizes[2] : 0;
    default:
      return 0;
  }
}

/// In activations of that many positions; the negative ones count from the end.
std::vector<std::int64_t> BatchPositions::chosen_of(std::int64_t length) const {
  std::vector<std::int64_t> chosen;
  for (const auto given : batch_.only().values()) {
    const auto position = given < 0 ? length + given : given;
    INFOPLANE_CHECK(position >= 0 && position < length, ArgumentError, "only() names position ", given,
                    ", but the activations have ", length, " positions in a row");
    INFOPLANE_CHECK(std::find(chosen.begin(), chosen.end(), position) == chosen.end(), ArgumentError,
                    "only() names position ", position, " twice");
    chosen.push_back(position);
  }
  return chosen;
}

/// A site with the tokens' positions, and with prefix and suffix if it is long enough.
const Place& BatchPositions::with_tokens(std::int64_t length) {
  auto& place = places_[{length, true}];
  if (place.grouping) {
    return place;
  }
  place.length = length;
  const bool has_prefix = length == batch_.prefix() + observed_.length + batch_.suffix();
  const auto prefix = has_prefix ? batch_.prefix() : 0;
  std::vector<std::int64_t> tokens;
  if (batch_.only().chosen()) {
    // A site without the prefix has the same tokens, so many positions earlier.
    for (const auto position : chosen_of(batch_.prefix() + observed_.length + batch_.suffix())) {
      const auto token = position - batch_.prefix();
      const bool is_token = token >= 0 && token < observed_.length;
      if (is_token || has_prefix) {
        place.chosen.push_back(has_prefix ? position : token);
        tokens.push_back(is_token ? token : kNoToken);
      }
    }
    if (place.chosen.empty()) {  // all of them are in the prefix, which this site has not: nothing counts
      place.grouping = of_rows(length);
      auto none = std::make_shared<labels::Grouping>(*place.grouping);
      none->counted.assign(static_cast<std::size_t>(none->positions), 0);
      for (auto& set : none->sets) {
        set.rows.assign(set.rows.size(), labels::kNoRow);
        set.labelled = 0;
      }
      place.grouping = std::move(none);
      return place;
    }
    place.grouping = at_tokens(tokens);
    return place;
  }
  for (std::int64_t token = 0; token < observed_.length && length != observed_.length; ++token) {
    place.chosen.push_back(prefix + token);
  }
  place.grouping = whole_;
  return place;
}

/// A site of a micro-batch whose labels are all of whole rows.
const Place& BatchPositions::without_shape(std::int64_t length) {
  auto& place = places_[{length, false}];
  if (place.grouping) {
    return place;
  }
  place.length = length;
  const auto outside = batch_.prefix() + batch_.suffix();
  if (batch_.only().chosen() && length == observed_.length + outside) {
    place.chosen = chosen_of(length);
  }
  if (place.chosen.empty() && outside > 0 && outside < length) {
    place.chosen.resize(static_cast<std::size_t>(length - outside));
    std::iota(place.chosen.begin(), place.chosen.end(), batch_.prefix());
  }
  place.grouping = of_rows(place.chosen.empty() ? length : static_cast<std::int64_t>(place.chosen.size()));
  return place;
}

/// A site of other positions than the tokens'.
const Place& BatchPositions::elsewhere(std::int64_t length) {
  auto& place = places_[{length, false}];
  if (!place.grouping) {
    place.length = length;
    place.grouping = of_rows(length);
  }
  return place;
}

/// The labels of these positions of each row; kNoToken has those of whole rows, and is of the first document.
BatchPositions::Shared BatchPositions::at_tokens(const std::vector<std::int64_t>& tokens) const {
  const auto rows = observed_.sequences, length = whole_->row_length;
  std::vector<std::int64_t> places;
  places.reserve(static_cast<std::size_t>(rows) * tokens.size());
  for (std::int64_t row = 0; row < rows; ++row) {
    for (const auto token : tokens) {
      places.push_back(token == kNoToken ? labels::beside(row * length) : row * length + token);
    }
  }
  auto result = labels::picked(*whole_, static_cast<std::int64_t>(tokens.size()), places);
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] < 0) {
      label_as_row(*result, i, labels::beside(places[i]) / length);
    }
  }
  return result;
}

/// A position that is no token.
void BatchPositions::label_as_row(labels::Grouping& grouping, std::size_t position, std::int64_t row) const {
  grouping.counted[position] = row_counts(*whole_, row) ? 1 : 0;
  for (std::size_t set = 0; set < grouping.sets.size(); ++set) {
    auto& labels = grouping.sets[set];
    if (batch_.is_of_rows(labels.name)) {
      labels.rows[position] = label_of_row(whole_->sets[set], row, whole_->row_length);
      labels.labelled += labels.rows[position] != labels::kNoRow ? 1 : 0;
    }
  }
}

/// The labels of whole rows for so many positions of each; the other sets have none.
BatchPositions::Shared BatchPositions::of_rows(std::int64_t length) const {
  return at_tokens(std::vector<std::int64_t>(static_cast<std::size_t>(length), kNoToken));
}

AxisOrder BatchPositions::order_without_tokens(c10::IntArrayRef sizes, std::int64_t length) const noexcept {
  const auto rows = observed_.sequences;
  if (sizes.size() == 3) {
    const bool batch_first = sizes[0] == rows && sizes[1] == length;
    const bool time_first = sizes[1] == rows && sizes[0] == length;
    if (batch_first != time_first) {
      return batch_first ? AxisOrder::kBatchFirst : AxisOrder::kTimeFirst;
    }
  }
  return time_first_ && sizes.size() <= 3 && rows > 1 && length > 1 ? AxisOrder::kTimeFirst : AxisOrder::kBatchFirst;
}

std::int64_t BatchPositions::memory_bytes() const noexcept {
  std::int64_t bytes = 0;
  const auto add = [&](const labels::Grouping& grouping) {
    bytes += static_cast<std::int64_t>(grouping.counted.size() + grouping.units.size() * sizeof(std::int64_t));
    for (const auto& set : grouping.sets) {
      bytes += static_cast<std::int64_t>(set.rows.size() * sizeof(set.rows.front()));
    }
  };
  if (whole_) {
    add(*whole_);
  }
  for (const auto& [key, place] : places_) {
    if (place.grouping && place.grouping != whole_) {
      add(*place.grouping);
    }
  }
  return bytes;
}

at::Tensor BatchPositions::by_rows(const at::Tensor& activations, const Place& place) const {
  auto z = activations;
  if (z.dim() == 4) {
    z = z.flatten(1, 2);
  }
  if (place.chosen.empty()) {
    return z;
  }
  if (z.dim() == 2) {
    z = z.unflatten(0, {observed_.sequences, place.length});
  }
  const auto first = place.chosen.front(), count = static_cast<std::int64_t>(place.chosen.size());
  const bool is_range =
      std::is_sorted(place.chosen.begin(), place.chosen.end()) && place.chosen.back() == first + count - 1;
  return is_range ? z.narrow(1, first, count) : z.index_select(1, positions_on(z.device(), place.chosen));
}

}  // namespace infoplane
