#pragma once

#include <cstdint>
#include <infoplane/core/error.hpp>
#include <optional>
#include <vector>

namespace infoplane::labels {

/// A borrowed two-dimensional array of int32, int64, uint8 or bool in host memory, with element strides.
/// Holds rows (sequences) × columns (positions) whatever the order in memory: a [T, B] array is described by its
/// strides, or by `IntegerView(data, T, B).transposed()`.
class IntegerView {
 public:
  /// Of the elements; bool is read as kUInt8.
  enum class Type : std::uint8_t { kInt32, kInt64, kUInt8 };

  /// Of contiguous rows.
  IntegerView(const std::int32_t* data, std::int64_t rows, std::int64_t columns)
      : IntegerView(data, Type::kInt32, rows, columns, columns, 1) {}
  /// Of contiguous rows.
  IntegerView(const std::int64_t* data, std::int64_t rows, std::int64_t columns)
      : IntegerView(data, Type::kInt64, rows, columns, columns, 1) {}
  /// Of contiguous rows.
  IntegerView(const std::uint8_t* data, std::int64_t rows, std::int64_t columns)
      : IntegerView(data, Type::kUInt8, rows, columns, columns, 1) {}
  /// Of contiguous rows.
  IntegerView(const bool* data, std::int64_t rows, std::int64_t columns)
      : IntegerView(data, Type::kUInt8, rows, columns, columns, 1) {}

  /// Strides count elements; a stride of 0 repeats one value, such as a label of a whole sequence.
  /// @throws ShapeError if a size is negative, or the array is not empty and `data` is null.
  IntegerView(const void* data, Type type, std::int64_t rows, std::int64_t columns, std::int64_t row_stride,
              std::int64_t column_stride)
      : data_(data),
        rows_(rows),
        columns_(columns),
        row_stride_(row_stride),
        column_stride_(column_stride),
        type_(type) {
    INFOPLANE_CHECK(rows >= 0 && columns >= 0, ShapeError, "an array of ", rows, " x ", columns, " is impossible");
    INFOPLANE_CHECK(data != nullptr || rows * columns == 0, ShapeError, "an array of ", rows, " x ", columns,
                    " needs data, got a null pointer");
  }

  /// Sequences.
  std::int64_t rows() const noexcept { return rows_; }
  /// Positions of a sequence.
  std::int64_t columns() const noexcept { return columns_; }
  /// All positions.
  std::int64_t size() const noexcept { return rows_ * columns_; }

  /// The same memory with rows and columns exchanged.
  IntegerView transposed() const { return {data_, type_, columns_, rows_, column_stride_, row_stride_}; }

  /// Of one row of values, one for each sequence: the same memory, each value for so many positions.
  IntegerView repeated(std::int64_t positions) const { return {data_, type_, columns_, positions, column_stride_, 0}; }

  /// Copy of all values in row-major order.
  std::vector<std::int64_t> dense() const;

  /// The element as int64; not checked.
  std::int64_t at(std::int64_t row, std::int64_t column) const noexcept {
    const auto offset = row * row_stride_ + column * column_stride_;
    switch (type_) {
      case Type::kInt32:
        return static_cast<const std::int32_t*>(data_)[offset];
      case Type::kInt64:
        return static_cast<const std::int64_t*>(data_)[offset];
      default:
        return static_cast<const std::uint8_t*>(data_)[offset];
    }
  }

 private:
  const void* data_;
  std::int64_t rows_, columns_, row_stride_, column_stride_;
  Type type_;
};

/// What a micro-batch says about its positions; all views are rows × columns of the same size and borrowed for the
/// call. Without a mask and documents, each row is one document of which every position counts.
struct TokenBatch {
  /// Token ids, 0 or above; a position that the mask leaves out may hold anything.
  IntegerView tokens;
  /// The token that follows each position; −1 and −100 mean "no label". Without targets the next token of the row
  /// serves. With them the last position of a row has an output unigram too; the last of a document or in front of
  /// padding has none, because what follows it there is not its own text.
  std::optional<IntegerView> targets = std::nullopt;
  /// Non-zero where a position counts; zero for padding, left, right or in the middle. Labels never reach over a zero.
  std::optional<IntegerView> mask = std::nullopt;
  /// Document of each position, any integer; labels never reach from one document into another.
  std::optional<IntegerView> documents = std::nullopt;
};

}  // namespace infoplane::labels
