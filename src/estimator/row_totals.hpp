#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/differences.hpp"
#include "estimator/assignment/soft_assignment.hpp"
#include "estimator/statistics/reduction.hpp"

namespace infoplane::state {
class Reader;
class Writer;
}  // namespace infoplane::state

namespace infoplane::estimator {

/// What the rows of a stream have in common.
struct RowMeans {
  double direction;  ///< length of the mean unit vector; NaN over no tokens, or where it is not known
  bool centred;      ///< whether rows are without a centre
  /// [d] c + Σ u_i / Σ 1 / |z_i − c|, a step towards where the mean direction is 0; empty where it was not asked for
  std::vector<double> centre;
};

/// Sums of the rows that counted, as the scores saw them, and the centre that is taken from them before.
class RowTotals {
 public:
  RowTotals(std::int64_t d, bool seeks_centre);

  /// z, or z − c in float32, or in float64 where z is of that; on z's device.
  at::Tensor centred(const at::Tensor& z) const;

  void add(const kernels::SoftAssignment& assignment) noexcept;
  /// Those of another accumulator with the same centre.
  void add(const RowTotals& other) noexcept;
  /// Without the centre.
  void clear() noexcept;

  RowMeans means(std::int64_t tokens) const;
  bool seeks_centre() const noexcept { return seeks_centre_; }

  /// What ranks must have in common: whether a centre is sought, and which there is.
  void put_kind(state::Writer& out) const;
  /// Totals of that kind over nothing. @throws IoError
  static RowTotals of_kind(std::int64_t d, state::Reader& in);
  /// The part of one rank, and what all of them have.
  void put(Reduction& reduction) const;
  void take(Reduction& reduction);

  /// @throws ShapeError, ArgumentError as SoftEntropyAccumulator::set_centre.
  void set_centre(const at::Tensor& centre);
  const at::Tensor& centre() const noexcept { return centre_; }
  /// [d]; empty where there is none.
  std::vector<float> centre_values() const;

  std::int64_t memory_bytes() const noexcept;
  void save(state::Writer& out) const;
  /// @throws IoError, and changes nothing, if what was saved cannot be of so many tokens.
  void load(state::Reader& in, std::int64_t tokens);
  /// A saved state said nothing of directions.
  void know_nothing() noexcept { known_ = false; }

 private:
  std::int64_t dimension_;
  bool known_ = true;
  std::vector<std::int64_t> directions_;
  double inverse_norms_ = 0;
  bool seeks_centre_;
  at::Tensor centre_;
};

/// In their kinds; centres by a hash.
void compare(Differences& differences, const RowTotals& mine, const RowTotals& theirs);

}  // namespace infoplane::estimator
