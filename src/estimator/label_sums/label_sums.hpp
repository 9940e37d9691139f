#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace infoplane::estimator {

struct LabelEntropies;

/// The sums of the soft assignments of a label set, m values each, by number: on the host or on a device.
class LabelSums {
 public:
  explicit LabelSums(std::int64_t anchors) : anchors_(anchors) {}
  LabelSums(const LabelSums&) = delete;
  LabelSums& operator=(const LabelSums&) = delete;
  virtual ~LabelSums() = default;

  std::int64_t anchors() const noexcept { return anchors_; }

  /// Room for the sum of this number, which is zero: the next one, or one that was dropped.
  virtual void append(std::uint32_t sum) = 0;
  /// Room for its float64 sum.
  virtual void make_large(std::uint32_t sum) = 0;
  virtual void reserve_for_dropping(std::size_t sums) = 0;
  /// Adds it to that of the labels that are not kept; it is zero and not large afterwards.
  virtual void drop(std::uint32_t sum) noexcept = 0;

  // What statistics need; of sums on a device, once they have come.
  virtual void add_to(std::uint32_t sum, double* into) const noexcept = 0;
  /// The sum in float32; null where it is large and not all of it is.
  virtual const float* in_float32(std::uint32_t sum, bool is_large) const noexcept = 0;
  /// Adds the sum over tokens of labels that are not kept.
  virtual void add_dropped_to(double* into) const noexcept = 0;
  /// Of a label's slot, where the device has worked them out.
  virtual std::optional<LabelEntropies> entropies(std::size_t slot) const noexcept = 0;
  /// Over all tokens with a label, where the device has worked that out; null elsewhere.
  virtual const double* sum_of_all() const noexcept = 0;
  /// Asks for the sum before it is needed.
  virtual void prefetch(std::uint32_t sum) const noexcept = 0;

  virtual std::int64_t memory_bytes() const noexcept = 0;

 private:
  std::int64_t anchors_;
};

}  // namespace infoplane::estimator
