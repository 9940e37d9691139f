#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "estimator/device/device.hpp"
#include "estimator/device/sum_memory.hpp"
#include "estimator/label_sums/host_label_sums.hpp"
#include "estimator/label_sums/label_sums.hpp"
#include "estimator/label_sums/replicates.hpp"
#include "estimator/label_sums/token_counts.hpp"

namespace infoplane::estimator {

/// Sums on a device. What an update does to them is queued by OnDevice; what statistics need of them must be requested
/// and have come.
class DeviceLabelSums final : public LabelSums {
 public:
  explicit DeviceLabelSums(std::int64_t anchors) : LabelSums(anchors), memory_(anchors) {}

  /// Queues the way of sums from the host, where they are zero afterwards.
  void take_over(HostLabelSums& host, const TokenCounts& counts, cuda::Device& device, void* stream);
  /// Queues the way of all sums to pinned memory.
  cuda::Memory start_move_to_host(const TokenCounts& counts, cuda::Device& device, void* stream) const;
  /// They have come.
  void give_back_to(HostLabelSums& host, const TokenCounts& counts, const cuda::Memory& pinned) const;

  // for the kernels
  cuda::LabelSums view() const noexcept { return memory_.view(); }
  void keep_for(cuda::Device& device, void* stream) const { memory_.keep_for(device, stream); }
  /// Room for `sums` sums and for what a plan makes large, as set number `set` of its update; appends which do.
  void prepare(const UpdatePlan& plan, std::size_t sums, std::int32_t set, std::vector<cuda::Promotion>& promotions,
               cuda::Device& device, void* stream);
  /// Sums that were dropped, and that the device must still clear.
  std::span<const std::int32_t> dropped() const noexcept { return dropped_; }
  void forget_dropped() noexcept { dropped_.clear(); }

  /// Queues what statistics need: the entropies of all labels, and the sums of labels in the sample of tokens, or of
  /// all if `whole`. Can be used once it has come, until it is forgotten.
  void request(const Replicates& replicates, std::span<const std::uint32_t> sampled, std::size_t sums, bool whole,
               cuda::Device& device, void* stream);
  void forget_readout() noexcept { readout_.reset(); }

  void append(std::uint32_t /*sum*/) override {}  // prepare() makes room for all
  void make_large(std::uint32_t sum) override { large_.emplace(sum, kNotYet); }
  void reserve_for_dropping(std::size_t sums) override { dropped_.reserve(sums); }
  void drop(std::uint32_t sum) noexcept override;
  void add_to(std::uint32_t sum, double* into) const noexcept override;
  const float* in_float32(std::uint32_t sum, bool is_large) const noexcept override;
  void add_dropped_to(double* /*into*/) const noexcept override {}  // is in the sum of all
  std::optional<LabelEntropies> entropies(std::size_t slot) const noexcept override;
  const double* sum_of_all() const noexcept override;
  void prefetch(std::uint32_t /*sum*/) const noexcept override {}
  std::int64_t memory_bytes() const noexcept override;

 private:
  static constexpr std::int32_t kNotYet = -1;

  struct Readout {
    cuda::Memory pinned;  // entropies by slot, the sum of all [m], gathered sums [m] each
    std::int64_t sum_at = 0;
    std::int64_t gathered_at = 0;
    std::vector<std::uint32_t> gathered;  // which of them, by number of the sum
  };

  cuda::SumMemory memory_;
  std::unordered_map<std::uint32_t, std::int32_t> large_;  // where the float64 sum is
  std::vector<std::int32_t> dropped_;
  std::unique_ptr<Readout> readout_;
};

}  // namespace infoplane::estimator
