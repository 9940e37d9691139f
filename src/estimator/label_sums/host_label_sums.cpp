#include "estimator/label_sums/host_label_sums.hpp"

#include <algorithm>
#include <functional>

#include "estimator/label_sums/growth.hpp"
#include "estimator/statistics/label_totals.hpp"
#include "estimator/statistics/prefetch.hpp"

namespace infoplane::estimator {

HostLabelSums::HostLabelSums(std::int64_t anchors)
    : LabelSums(anchors), dropped_(static_cast<std::size_t>(anchors), 0.0) {}

HostLabelSums::HostLabelSums(const HostLabelSums& other, std::size_t sums)
    : LabelSums(other.anchors()), dropped_(other.dropped_) {
  const auto m = static_cast<std::size_t>(anchors());
  for (std::size_t begin = 0; begin < sums; begin += kBlock) {
    blocks_.push_back(std::make_unique_for_overwrite<float[]>(kBlock * m));
    std::copy_n(other.blocks_[begin / kBlock].get(), std::min(kBlock, sums - begin) * m, blocks_.back().get());
  }
  for (const auto& [sum, values] : other.large_) {
    make_large(sum);
    std::copy_n(values.get(), m, large(sum));
  }
}

void HostLabelSums::clear() noexcept {
  large_.clear();
  std::fill(dropped_.begin(), dropped_.end(), 0.0);
}

void HostLabelSums::release() noexcept {
  clear();
  blocks_.clear();
}

void HostLabelSums::swap(HostLabelSums& other) noexcept {
  blocks_.swap(other.blocks_);
  large_.swap(other.large_);
  dropped_.swap(other.dropped_);
}

void HostLabelSums::append(std::uint32_t sum) {
  if (sum / kBlock == blocks_.size()) {
    blocks_.push_back(std::make_unique_for_overwrite<float[]>(kBlock * static_cast<std::size_t>(anchors())));
  }
  std::fill_n(recent(sum), anchors(), 0.0F);
}

void HostLabelSums::make_large(std::uint32_t sum) {
  if (!large_.contains(sum)) {
    large_.emplace(sum, std::make_unique<double[]>(static_cast<std::size_t>(anchors())));
  }
}

void HostLabelSums::drop(std::uint32_t sum) noexcept {
  add_to(sum, dropped_.data());
  std::fill_n(recent(sum), anchors(), 0.0F);
  large_.erase(sum);
}

void HostLabelSums::add_to(std::uint32_t sum, double* into) const noexcept {
  const float* const values = recent(sum);
  const auto found = large_.find(sum);
  if (found == large_.end()) {
    for (std::int64_t b = 0; b < anchors(); ++b) {
      into[b] += static_cast<double>(values[b]);
    }
    return;
  }
  const double* const more = found->second.get();
  for (std::int64_t b = 0; b < anchors(); ++b) {
    into[b] += static_cast<double>(values[b]) + more[b];
  }
}

void HostLabelSums::add_dropped_to(double* into) const noexcept {
  std::transform(dropped_.begin(), dropped_.end(), into, into, std::plus<>());
}

std::optional<LabelEntropies> HostLabelSums::entropies(std::size_t /*slot*/) const noexcept { return std::nullopt; }

void HostLabelSums::prefetch(std::uint32_t sum) const noexcept {
  prefetch_row(recent(sum), static_cast<std::size_t>(anchors()));
}

void HostLabelSums::add(const UpdatePlan& plan, const float* probabilities, std::int64_t begin, std::int64_t end,
                        std::int64_t first, std::int64_t last) noexcept {
  const std::int64_t m = anchors();
  for (std::int64_t i = begin; i < end; ++i) {
    const std::uint32_t entry = plan[static_cast<std::size_t>(i)];
    const float* __restrict p = probabilities + i * m;
    if (entry >= kDropped) {
      for (std::int64_t b = first; entry == kDropped && b < last; ++b) {
        dropped_[static_cast<std::size_t>(b)] += static_cast<double>(p[b]);
      }
      continue;
    }
    const std::uint32_t sum = entry & kSumNumber;
    float* __restrict values = recent(sum);
    for (std::int64_t b = first; b < last; ++b) {
      values[b] += p[b];
    }
    if ((entry & kFlush) != 0) {
      double* const into = large(sum);
      for (std::int64_t b = first; b < last; ++b) {
        into[b] += values[b];
        values[b] = 0;
      }
    }
  }
}

template <typename T>
void HostLabelSums::add(std::uint32_t sum, const T* values) noexcept {
  const auto found = large_.find(sum);
  if (found == large_.end()) {
    std::transform(values, values + anchors(), recent(sum), recent(sum),
                   [](T value, float so_far) { return static_cast<float>(value) + so_far; });
  } else {
    double* const into = found->second.get();
    std::transform(values, values + anchors(), into, into,
                   [](T value, double so_far) { return so_far + static_cast<double>(value); });
  }
}

template void HostLabelSums::add(std::uint32_t sum, const float* values) noexcept;
template void HostLabelSums::add(std::uint32_t sum, const double* values) noexcept;

std::int64_t HostLabelSums::memory_bytes() const noexcept {
  const auto block_bytes = static_cast<std::int64_t>(kBlock * sizeof(float)) * anchors();
  // A node of the map beside its sums: number, pointers and bucket.
  const auto large_bytes = static_cast<std::int64_t>(sizeof(double)) * anchors() + 40;
  return capacity_bytes(blocks_) + static_cast<std::int64_t>(blocks_.size()) * block_bytes +
         static_cast<std::int64_t>(large_.size()) * large_bytes + capacity_bytes(dropped_);
}

}  // namespace infoplane::estimator
