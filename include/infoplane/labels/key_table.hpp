#pragma once

#include <cstddef>
#include <cstdint>
#include <infoplane/labels/grouping.hpp>
#include <span>
#include <vector>

namespace infoplane::labels {

/// Append-only map from label keys to dense row numbers 0, 1, 2, … in order of first appearance.
///
/// A key is a sequence of `width` integers: the tokens of an n-gram, oldest first, or one integer label. Whole keys are
/// compared, so two labels never share a row, whatever the vocabulary and the hash.
///
/// The row numbers depend on nothing but the order in which keys came: inserting the keys of rows 0, 1, … into an empty
/// table restores them. Not synchronised: nobody may read a table while another thread inserts.
class KeyTable {
 public:
  static constexpr std::int64_t kMaxRows = 0x7fffffff;  ///< most keys of a table

  /// @throws ArgumentError unless 1 ≤ width ≤ 8 and 1 ≤ max_rows ≤ kMaxRows.
  explicit KeyTable(int width = 1, std::int64_t max_rows = kMaxRows);

  /// Integers of a key.
  int width() const noexcept { return width_; }
  /// Keys so far.
  std::int64_t size() const noexcept { return size_; }

  /// Row of the key, added if new. Amortised O(1).
  /// @throws ArgumentError if the key has another width.
  /// @throws StateError if the key is new and the table has `max_rows` rows. A throw leaves the table as it was.
  std::int32_t insert(std::span<const std::int64_t> key);

  /// Inserts every window of `width` values in turn: `rows[j]` becomes the row of `values[j] … values[j + width − 1]`.
  /// The same as a loop over insert(), but faster on tables that are larger than the caches.
  /// Without rows nothing happens.
  /// @throws ArgumentError unless `values` has rows.size() + width − 1 elements.
  /// @throws StateError like insert(); the windows before the one that failed stay inserted, see truncate().
  void insert_windows(std::span<const std::int64_t> values, std::span<std::int32_t> rows);

  /// Row of the key, or kNoRow.
  std::int32_t find(std::span<const std::int64_t> key) const noexcept;

  /// Key of a row in [0, size), valid until the next insert.
  std::span<const std::int64_t> key(std::int64_t row) const noexcept {
    return {keys_.data() + row * width_, static_cast<std::size_t>(width_)};
  }

  /// Forgets the newest rows until `rows` are left; no effect if there are not more. Undoes inserts.
  void truncate(std::int64_t rows) noexcept;

  /// Bytes held.
  std::int64_t memory_bytes() const noexcept;

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::int32_t row = kNoRow;
  };

  std::uint32_t hash(const std::int64_t* key) const noexcept;
  bool equals(std::int64_t row, const std::int64_t* key) const noexcept;
  std::size_t probe(const std::int64_t* key, std::uint32_t hash) const noexcept;
  std::int32_t insert(const std::int64_t* key, std::uint32_t hash);
  void release(std::size_t gap) noexcept;
  void grow();

  int width_;
  std::int64_t max_rows_;
  std::int64_t size_ = 0;
  std::vector<std::int64_t> keys_;  // size_ · width_
  std::vector<Slot> slots_;         // linear probing, a power of two of them; at least one is always free
};

}  // namespace infoplane::labels
