#include "monitor/routed.hpp"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <type_traits>
#include <vector>

namespace infoplane {
namespace {

void check(const hooks::Site& site, const at::Tensor& tensor, const at::Tensor& positions) {
  const bool is_list =
      positions.dim() == 1 && (positions.scalar_type() == at::kLong || positions.scalar_type() == at::kInt);
  INFOPLANE_CHECK(is_list, SiteError, "tap(\"", site.name, "\") was given positions of ", positions.dim(),
                  " axes and type ", positions.scalar_type(),
                  ": give an int64 tensor [N], of each row its place in the flattened tokens");
  const auto rows = tensor.dim() < 2 ? std::int64_t{-1} : tensor.numel() / std::max<std::int64_t>(1, tensor.size(-1));
  INFOPLANE_CHECK(rows == positions.numel(), SiteError, "tap(\"", site.name, "\") was given ", positions.numel(),
                  " positions, but activations [", detail::join(tensor.sizes()), "]: give a position for each row");
}

/// Places [sequence, position] of the rows, in the order of the rows.
std::vector<std::int64_t> places_of(const hooks::Site& site, const at::Tensor& positions, std::int64_t sequences,
                                    std::int64_t length, bool time_major) {
  const auto host = positions.to(at::kCPU, at::kLong).contiguous();
  const auto* values = host.const_data_ptr<std::int64_t>();
  std::vector<std::int64_t> places(values, values + host.numel());
  for (std::size_t i = 0; i < places.size(); ++i) {
    auto& place = places[i];
    INFOPLANE_CHECK(place >= 0 && place < sequences * length, SiteError, "tap(\"", site.name, "\"): positions[", i,
                    "] is ", place, ", but observe() was given ", sequences, " sequences of ", length, " tokens");
    place = time_major ? place % sequences * length + place / sequences : place;
  }
  return places;
}

/// The values of all places, `times` for each place.
template <typename Value>
std::vector<Value> repeated(const std::vector<Value>& values, std::int64_t times) {
  std::vector<Value> result;
  result.reserve(values.size() * static_cast<std::size_t>(times));
  for (const auto value : values) {
    result.insert(result.end(), static_cast<std::size_t>(times), value);
  }
  return result;
}

std::shared_ptr<labels::Grouping> repeated(const labels::Grouping& grouping, std::int64_t length, std::int64_t times) {
  auto result = std::make_shared<labels::Grouping>();
  result->positions = grouping.positions * times;
  result->row_length = length * times;
  result->units = repeated(grouping.units, times);
  result->unit_count = grouping.unit_count;
  for (const auto& set : grouping.sets) {
    result->sets.push_back({set.name, set.table, repeated(set.rows, times), set.row_count, 0});
  }
  return result;
}

}  // namespace

Routed routed(const hooks::Site& site, const at::Tensor& tensor, const at::Tensor& positions,
              const labels::Grouping& grouping, std::int64_t sequences, std::int64_t length, bool time_major) {
  check(site, tensor, positions);
  const auto places = places_of(site, positions, sequences, length, time_major);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(grouping.positions), 0);
  std::vector<std::int64_t> slots;  // of each row, which time its token came
  slots.reserve(places.size());
  for (const auto place : places) {
    slots.push_back(counts[static_cast<std::size_t>(place)]++);
  }
  const auto times = counts.empty() ? 1 : std::max<std::int64_t>(1, *std::max_element(counts.begin(), counts.end()));

  auto labels = repeated(grouping, length, times);
  labels->counted.assign(static_cast<std::size_t>(labels->positions), 0);
  std::vector<std::int64_t> rows;
  rows.reserve(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    rows.push_back(places[i] * times + slots[i]);
    const auto place = static_cast<std::size_t>(places[i]);
    labels->counted[static_cast<std::size_t>(rows.back())] = grouping.counted.empty() ? 1 : grouping.counted[place];
  }
  for (auto& set : labels->sets) {
    for (std::size_t row = 0; row < set.rows.size(); ++row) {
      set.rows[row] = labels->counted[row] != 0 ? set.rows[row] : labels::kNoRow;
      set.labelled += set.rows[row] != labels::kNoRow ? 1 : 0;
    }
  }
  const auto index = at::from_blob(rows.data(), {static_cast<std::int64_t>(rows.size())}, at::kLong);
  auto z = at::zeros({labels->positions, tensor.size(-1)}, tensor.options());
  z.index_copy_(0, index.to(tensor.device()), tensor.reshape({-1, tensor.size(-1)}));
  return {std::move(z), std::move(labels)};
}

}  // namespace infoplane
