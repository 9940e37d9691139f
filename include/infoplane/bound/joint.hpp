#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace infoplane::bound {

/// An empirical joint distribution p(x, y), held by rows (CSR): only pairs that occurred take memory, 12 bytes each.
/// A value that does not change; make one with JointBuilder or NgramJointBuilder. Needs no LibTorch.
class Joint {
 public:
  /// `offsets` [rows + 1], `columns` and `counts` [nonzeros]: row x holds the entries offsets[x] … offsets[x + 1] − 1.
  /// Counts need not be whole numbers. Columns that no entry names are kept as columns of mass 0.
  /// @throws ArgumentError if the arrays don't fit one another, a column is not below `column_count`, a count is
  /// negative or not finite, or all counts are 0.
  Joint(std::vector<std::int64_t> offsets, std::vector<std::uint32_t> columns, std::vector<double> counts,
        std::int64_t column_count);

  /// Values of x.
  std::int64_t rows() const noexcept { return static_cast<std::int64_t>(row_mass_.size()); }
  /// Values of y.
  std::int64_t columns() const noexcept { return static_cast<std::int64_t>(column_mass_.size()); }
  /// Pairs that occurred.
  std::int64_t nonzeros() const noexcept { return static_cast<std::int64_t>(columns_.size()); }
  /// Sum of all counts.
  double total() const noexcept { return total_; }

  /// Columns of row x and the values p(x, y) there.
  std::span<const std::uint32_t> columns_of(std::int64_t x) const { return {columns_.data() + offsets_[x], size(x)}; }
  /// The values p(x, y) of row x.
  std::span<const double> values_of(std::int64_t x) const { return {values_.data() + offsets_[x], size(x)}; }
  /// p(x) and p(y).
  std::span<const double> row_mass() const noexcept { return row_mass_; }
  /// The mass p(y) of each column.
  std::span<const double> column_mass() const noexcept { return column_mass_; }

  /// H(X), H(Y) and I(X;Y) in nats.
  double row_entropy() const noexcept;
  /// H(Y) in nats.
  double column_entropy() const noexcept;
  /// I(X;Y) in nats.
  double information() const noexcept;

 private:
  std::size_t size(std::int64_t x) const { return static_cast<std::size_t>(offsets_[x + 1] - offsets_[x]); }

  std::vector<std::int64_t> offsets_;
  std::vector<std::uint32_t> columns_;
  std::vector<double> values_;
  std::vector<double> row_mass_;
  std::vector<double> column_mass_;
  double total_ = 0;
};

/// The joint over minimal sufficient statistics: rows with the same p(y|x) become one row, columns with the same p(x|y)
/// one column; empty ones go. I(X;Y) and the whole IB curve stay what they were, at a fraction of the size: contexts
/// that were seen once and have the same successor are one row. Rows are taken as the same when their conditional
/// probabilities agree to 12 digits.
Joint merge_alike(const Joint& joint);

}  // namespace infoplane::bound
