#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace infoplane::estimator::kernels {

/// Rows of a strided CPU tensor [N, d] or [B, T, d] of any floating dtype, as float32.
class RowReader {
 public:
  explicit RowReader(const at::Tensor& z);

  std::int64_t rows() const noexcept { return rows_; }

  /// The row in float32: z's own memory where it is that already, otherwise written to `copy` ([d]) and that.
  const float* read(std::int64_t row, float* copy) const noexcept {
    if (direct_) {
      return static_cast<const float*>(data_) + offset(row);
    }
    convert(row, copy);
    return copy;
  }

  /// Writes the row to `copy` times a power of two that brings its largest element between 0.5 and 1.
  /// False if the row has a NaN, an Inf or only zeros.
  /// `exponent`: the row is `copy` times two to that.
  bool read_scaled(std::int64_t row, float* copy, int& exponent) const noexcept;

 private:
  std::int64_t offset(std::int64_t row) const noexcept {
    return row / inner_rows_ * outer_stride_ + row % inner_rows_ * row_stride_;
  }
  void convert(std::int64_t row, float* copy) const noexcept;

  const void* data_;
  at::ScalarType type_;
  bool direct_;
  std::int64_t rows_;
  std::int64_t inner_rows_;
  std::int64_t dimension_;
  std::int64_t outer_stride_;
  std::int64_t row_stride_;
  std::int64_t stride_;
};

}  // namespace infoplane::estimator::kernels
