#include <ATen/ATen.h>

#include <infoplane/core/error.hpp>
#include <infoplane/monitor/equal_count_bins.hpp>

namespace infoplane {

namespace {

constexpr std::int64_t kMostBins = 65536;

at::Tensor real_values(const at::Tensor& values) {
  INFOPLANE_CHECK(values.defined(), ShapeError, "bins need a tensor of real values, got an undefined one");
  INFOPLANE_CHECK(!values.is_complex() && values.scalar_type() != at::kBool, ShapeError,
                  "bins need a tensor of real values, got ", c10::toString(values.scalar_type()));
  return values.detach().to(at::kDouble);
}

}  // namespace

EqualCountBins::EqualCountBins(const at::Tensor& reference, std::int64_t bins) {
  INFOPLANE_CHECK(bins >= 2 && bins <= kMostBins, ArgumentError, "a value can be put into 2 to ", kMostBins,
                  " bins, got ", bins);
  const auto values = real_values(reference).to(at::kCPU).flatten();
  const auto sorted = std::get<0>(values.masked_select(values.isnan().logical_not()).sort());
  const auto count = sorted.numel();
  INFOPLANE_CHECK(count > 0, ArgumentError, "bins need a value that is not NaN, got ", values.numel(), " values");
  // The first of each upper part: as many values lie below it as k/n of all, rounded.
  const auto parts = at::arange(1, bins, at::kLong) * count;
  edges_ = sorted.index_select(0, at::div(parts + bins - 1, bins, "floor").clamp_max(count - 1));
}

at::Tensor EqualCountBins::operator()(const at::Tensor& y) const {
  const auto values = real_values(y).contiguous();
  const auto bins = at::searchsorted(edges_.to(values.device()), values, /*out_int32=*/false, /*right=*/true);
  return bins.masked_fill(values.isnan(), -1);
}

at::Tensor equal_count_bins(const at::Tensor& y, std::int64_t bins) { return EqualCountBins(y, bins)(y); }

}  // namespace infoplane
