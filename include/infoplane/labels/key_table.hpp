#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace infoplane::labels {

/// Append-only map from label keys to dense row numbers 0, 1, 2, … in order of first appearance.
///
/// A key is a sequence of `width` integers: the tokens of an n-gram, oldest first, or one integer label. Whole keys are
/// compared, so two labels never share a row, whatever the vocabulary and the hash.
class KeyTable {
 public:
  /// @throws ArgumentError unless 1 ≤ width ≤ 8.
  explicit KeyTable(int width = 1);

  int width() const noexcept { return width_; }
  std::int64_t size() const noexcept { return size_; }

  /// Row of the key, added if new. Amortised O(1).
  /// @throws StateError at 2^31 − 1 rows, with the table as it was.
  std::int32_t insert(std::span<const std::int64_t> key);

  /// Row of the key, or kNoRow.
  std::int32_t find(std::span<const std::int64_t> key) const noexcept;

  /// Key of a row, valid until the next insert.
  std::span<const std::int64_t> key(std::int64_t row) const noexcept;

  /// Bytes held.
  std::int64_t memory_bytes() const noexcept;

 private:
  std::uint64_t hash(std::span<const std::int64_t> key) const noexcept;
  void grow();

  int width_;
  std::int64_t size_ = 0;
  std::vector<std::int64_t> keys_;     // size_ · width_
  std::vector<std::int32_t> buckets_;  // open addressing, a power of two of them
};

}  // namespace infoplane::labels
