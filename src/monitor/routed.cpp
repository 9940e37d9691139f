#include "monitor/routed.hpp"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <infoplane/core/error.hpp>
#include <vector>

#include "labels/picked.hpp"

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

  std::vector<std::int64_t> all;  // `times` for each place, of which as many count as came
  all.reserve(static_cast<std::size_t>(grouping.positions * times));
  for (std::int64_t place = 0; place < grouping.positions; ++place) {
    for (std::int64_t slot = 0; slot < times; ++slot) {
      all.push_back(slot < counts[static_cast<std::size_t>(place)] ? place : labels::beside(place));
    }
  }
  auto labels = labels::picked(grouping, length * times, all);
  std::vector<std::int64_t> rows;
  rows.reserve(places.size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    rows.push_back(places[i] * times + slots[i]);
  }
  const auto index = at::from_blob(rows.data(), {static_cast<std::int64_t>(rows.size())}, at::kLong);
  auto z = at::zeros({labels->positions, tensor.size(-1)}, tensor.options());
  z.index_copy_(0, index.to(tensor.device()), tensor.reshape({-1, tensor.size(-1)}));
  return {std::move(z), std::move(labels)};
}

}  // namespace infoplane
