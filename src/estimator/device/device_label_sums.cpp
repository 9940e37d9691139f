#include "estimator/device/device_label_sums.hpp"

#include <algorithm>
#include <functional>

#include "estimator/label_sums/growth.hpp"
#include "estimator/statistics/label_totals.hpp"

namespace infoplane::estimator {

using cuda::Device;
using cuda::Memory;
using cuda::Upload;

void DeviceLabelSums::take_over(HostLabelSums& host, const TokenCounts& counts, Device& device, void* stream) {
  const auto m = static_cast<std::size_t>(anchors());
  const std::size_t sums = counts.size(), large = counts.large();
  memory_.reserve(device, static_cast<std::int64_t>(sums), static_cast<std::int64_t>(large), stream);
  Upload upload;
  const auto float32_at = upload.reserve<float>(static_cast<std::int64_t>(sums * m));
  const auto float64_at = upload.reserve<double>(static_cast<std::int64_t>((large + 1) * m));
  const auto large_of_sum = upload.reserve<std::int32_t>(static_cast<std::int64_t>(sums));
  upload.allocate(device);
  std::fill_n(upload.host<std::int32_t>(large_of_sum), sums, kNotYet);
  std::copy_n(host.dropped().begin(), m, upload.host<double>(float64_at));
  for (std::uint32_t sum = 0; sum < sums; ++sum) {
    float* const recent = upload.host<float>(float32_at) + sum * m;
    std::copy_n(host.recent(sum), m, recent);
    if (!counts.is_large(sum)) {
      continue;
    }
    const std::int32_t there = memory_.take_float64();
    std::transform(recent, recent + m, host.large(sum),
                   upload.host<double>(float64_at) + static_cast<std::size_t>(there) * m,
                   [](float a, double b) { return static_cast<double>(a) + b; });
    std::fill_n(recent, m, 0.0F);
    upload.host<std::int32_t>(large_of_sum)[sum] = there;
    large_.emplace(sum, there);
  }
  upload.send(device, stream);
  const auto bytes = static_cast<std::int64_t>(sums * sizeof(std::int32_t));
  device.copy(view().rows, upload.on_device<float>(float32_at), bytes * anchors(), stream);
  device.copy(view().large, upload.on_device<double>(float64_at),
              static_cast<std::int64_t>((large + 1) * m * sizeof(double)), stream);
  device.copy(view().large_of_sum, upload.on_device<std::int32_t>(large_of_sum), bytes, stream);
  host.release();
}

Memory DeviceLabelSums::start_move_to_host(const TokenCounts& counts, Device& device, void* stream) const {
  const auto float32_bytes = static_cast<std::int64_t>(counts.size() * sizeof(float)) * anchors();
  const std::int64_t float64_bytes = memory_.float64_sums() * anchors() * static_cast<std::int64_t>(sizeof(double));
  Memory pinned = device.allocate_pinned(float64_bytes + float32_bytes);
  device.copy(pinned.data, view().large, float64_bytes, stream);
  device.copy(pinned.as<void>(float64_bytes), view().rows, float32_bytes, stream);
  device.keep_for(pinned, stream);
  return pinned;
}

void DeviceLabelSums::give_back_to(HostLabelSums& host, const TokenCounts& counts, const Memory& pinned) const {
  const auto m = static_cast<std::size_t>(anchors());
  const auto sums = static_cast<std::uint32_t>(counts.size());
  HostLabelSums here(anchors());
  const auto* const float64 = pinned.as<double>();
  const auto* const float32 = pinned.as<float>(memory_.float64_sums() * anchors() * 8);
  for (std::uint32_t sum = 0; sum < sums; ++sum) {
    here.append(sum);
    std::copy_n(float32 + sum * m, m, here.recent(sum));
    if (counts.is_large(sum)) {
      here.make_large(sum);
      const std::int32_t there = large_.find(sum)->second;
      if (there != kNotYet) {
        std::copy_n(float64 + static_cast<std::size_t>(there) * m, m, here.large(sum));
      }
    }
  }
  std::copy_n(float64, m, here.mutable_dropped());
  host.swap(here);
}

void DeviceLabelSums::prepare(const UpdatePlan& plan, std::size_t sums, std::int32_t set,
                              std::vector<cuda::Promotion>& promotions, Device& device, void* stream) {
  std::vector<std::uint32_t> full;
  for (const std::uint32_t entry : plan) {
    if (entry < kDropped && (entry & kFlush) != 0 && large_.find(entry & kSumNumber)->second == kNotYet) {
      full.push_back(entry & kSumNumber);
    }
  }
  std::sort(full.begin(), full.end());
  full.erase(std::unique(full.begin(), full.end()), full.end());
  memory_.reserve(device, static_cast<std::int64_t>(sums), static_cast<std::int64_t>(full.size()), stream);
  for (const std::uint32_t sum : full) {
    const std::int32_t there = large_.find(sum)->second = memory_.take_float64();
    promotions.push_back({set, static_cast<std::int32_t>(sum), there});
  }
}

void DeviceLabelSums::drop(std::uint32_t sum) noexcept {
  dropped_.push_back(static_cast<std::int32_t>(sum));  // there is room
  const auto found = large_.find(sum);
  if (found != large_.end()) {
    if (found->second != kNotYet) {
      memory_.give_back(found->second);
    }
    large_.erase(found);
  }
}

void DeviceLabelSums::request(const Replicates& replicates, std::span<const std::uint32_t> sampled, std::size_t sums,
                              bool whole, Device& device, void* stream) {
  auto readout = std::make_unique<Readout>();
  // Of the labels of rows in the sample: their influences need the sums themselves.
  readout->gathered.assign(sums, kNoSum);
  std::vector<std::uint32_t> wanted;
  const std::vector<std::uint32_t> slot_of = replicates.slot_of_sum(sums);
  for (std::uint32_t sum = 0; whole && sum < sums; ++sum) {
    readout->gathered[sum] = sum;
    wanted.push_back(sum);
  }
  for (const std::uint32_t number : sampled) {
    if (number >= kDropped) {
      continue;
    }
    for (const std::uint32_t sum : replicates.sums(slot_of[number])) {
      if (sum != kNoSum && readout->gathered[sum] == kNoSum) {
        readout->gathered[sum] = static_cast<std::uint32_t>(wanted.size());
        wanted.push_back(sum);
      }
    }
  }
  const auto labels = static_cast<std::int64_t>(replicates.size());
  const auto gathered = static_cast<std::int64_t>(wanted.size());
  Upload upload;
  const std::int64_t parts_at = upload.reserve<cuda::LabelReplicates>(labels);
  const std::int64_t wanted_at = upload.reserve<std::int32_t>(gathered);
  upload.allocate(device);
  for (std::size_t slot = 0; slot < replicates.size(); ++slot) {
    const Replicates::Sums& of_label = replicates.sums(slot);
    std::transform(of_label.begin(), of_label.end(), upload.host<cuda::LabelReplicates>(parts_at)[slot].rows,
                   [](std::uint32_t sum) { return sum == kNoSum ? -1 : static_cast<std::int32_t>(sum); });
  }
  std::copy(wanted.begin(), wanted.end(), upload.host<std::int32_t>(wanted_at));
  readout->sum_at = labels * static_cast<std::int64_t>(sizeof(cuda::LabelEntropies));
  readout->gathered_at = readout->sum_at + anchors() * 8;
  const std::int64_t bytes = readout->gathered_at + gathered * anchors() * 4;
  const Memory out = device.allocate(bytes);
  const cuda::Kernels& kernels = device.kernels();
  const auto float32_sums = static_cast<std::int64_t>(sums);
  const Memory workspace =
      device.allocate(kernels.sum_workspace_bytes(float32_sums + memory_.float64_sums(), anchors()));
  readout->pinned = device.allocate_pinned(bytes);
  upload.send(device, stream);
  device.check(kernels.label_entropies(view(), anchors(), upload.on_device<cuda::LabelReplicates>(parts_at), labels,
                                       out.as<cuda::LabelEntropies>(), stream));
  device.check(kernels.total_of_label_sums(view(), float32_sums, memory_.float64_sums(), anchors(),
                                           out.as<double>(readout->sum_at), workspace.data, stream));
  device.check(kernels.gather_label_sums(view(), anchors(), upload.on_device<std::int32_t>(wanted_at), gathered,
                                         out.as<float>(readout->gathered_at), stream));
  device.copy(readout->pinned.data, out.data, bytes, stream);
  device.keep_for(readout->pinned, stream);
  readout_ = std::move(readout);
}

const float* DeviceLabelSums::in_float32(std::uint32_t sum, bool /*is_large*/) const noexcept {
  return readout_->pinned.as<float>(readout_->gathered_at) + readout_->gathered[sum] * anchors();
}

void DeviceLabelSums::add_to(std::uint32_t sum, double* into) const noexcept {
  const float* const values = in_float32(sum, false);
  std::transform(values, values + anchors(), into, into, [](float a, double b) { return static_cast<double>(a) + b; });
}

std::optional<LabelEntropies> DeviceLabelSums::entropies(std::size_t slot) const noexcept {
  const cuda::LabelEntropies& there = readout_->pinned.as<cuda::LabelEntropies>()[slot];
  return LabelEntropies{there.whole, there.halves, there.quarters, there.noise};
}

const double* DeviceLabelSums::sum_of_all() const noexcept { return readout_->pinned.as<double>(readout_->sum_at); }

std::int64_t DeviceLabelSums::memory_bytes() const noexcept {
  return memory_.memory_bytes() + capacity_bytes(dropped_) + static_cast<std::int64_t>(large_.size()) * 40;
}

}  // namespace infoplane::estimator
