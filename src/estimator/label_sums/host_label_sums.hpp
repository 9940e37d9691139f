#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "estimator/label_sums/label_sums.hpp"
#include "estimator/label_sums/update_plan.hpp"

namespace infoplane::estimator {

/// Sums on the host, in blocks that never move: a label seen once costs 4 m bytes here.
class HostLabelSums final : public LabelSums {
 public:
  explicit HostLabelSums(std::int64_t anchors);
  HostLabelSums(const HostLabelSums& other, std::size_t sums);

  void append(std::uint32_t sum) override;
  void make_large(std::uint32_t sum) override;
  void reserve_for_dropping(std::size_t /*sums*/) override {}
  void drop(std::uint32_t sum) noexcept override;
  void add_to(std::uint32_t sum, double* into) const noexcept override;
  const float* in_float32(std::uint32_t sum, bool is_large) const noexcept override {
    return is_large ? nullptr : recent(sum);
  }
  void add_dropped_to(double* into) const noexcept override;
  std::optional<LabelEntropies> entropies(std::size_t slot) const noexcept override;
  const double* sum_of_all() const noexcept override { return nullptr; }
  void prefetch(std::uint32_t sum) const noexcept override;
  std::int64_t memory_bytes() const noexcept override;

  /// Forgets all sums, and keeps memory for the next.
  void clear() noexcept;
  /// The same without its memory.
  void release() noexcept;
  void swap(HostLabelSums& other) noexcept;

  /// Adds columns [first, last) of the assignments [tokens, m] of tokens [begin, end) of a batch. Calls for disjoint
  /// columns may run at the same time; tokens come in order.
  void add(const UpdatePlan& plan, const float* probabilities, std::int64_t begin, std::int64_t end, std::int64_t first,
           std::int64_t last) noexcept;
  /// Adds another sum, to the float64 one where there is one.
  template <typename T>
  void add(std::uint32_t sum, const T* values) noexcept;

  /// The float32 sum; of a large one, that of the tokens since it was emptied.
  float* recent(std::uint32_t sum) const noexcept {
    return blocks_[sum / kBlock].get() + sum % kBlock * static_cast<std::size_t>(anchors());
  }
  /// The float64 sum of a large one.
  double* large(std::uint32_t sum) const noexcept { return large_.find(sum)->second.get(); }
  double* mutable_dropped() noexcept { return dropped_.data(); }
  const std::vector<double>& dropped() const noexcept { return dropped_; }
  void set_dropped(std::vector<double> dropped) noexcept { dropped_ = std::move(dropped); }

 private:
  static constexpr std::size_t kBlock = 64;

  std::vector<std::unique_ptr<float[]>> blocks_;
  std::unordered_map<std::uint32_t, std::unique_ptr<double[]>> large_;
  std::vector<double> dropped_;  // sum over tokens of labels that are not kept
};

}  // namespace infoplane::estimator
