#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace infoplane {

/// Bins of a continuous value that hold equally many of the values they were made from: label sets of a regression's
/// target, of returns, of signals.
///
///     infoplane::EqualCountBins bins(training_targets, 16);            // once
///     monitor.observe(step, BatchDetails().outputs({{"return", bins(y)}}));
///
/// The edges are the k/n quantiles of the reference, k = 1 … n − 1, so the bin of y is the number of edges ≤ y. Equal
/// values share a bin, so heavy ties leave bins empty. Equal-frequency binning as in Saxe et al., "On the information
/// bottleneck theory of deep learning" (ICLR 2018), and Paninski, Neural Computation 15 (2003).
class EqualCountBins {
 public:
  /// `reference`: real values of any shape, dtype and device; NaN are left out. Copied to the CPU, which waits for its
  /// device.
  /// @throws ArgumentError unless 2 ≤ bins ≤ 65 536, and the reference has a value that is not NaN.
  /// @throws ShapeError if it is undefined, complex or of bool.
  EqualCountBins(const at::Tensor& reference, std::int64_t bins);

  /// int64 of the shape of `y`, on its device: 0 … n − 1, and −1 ("no label") where `y` is NaN.
  /// @throws ShapeError as above.
  at::Tensor operator()(const at::Tensor& y) const;

  /// Double, ascending, on the CPU: [n − 1].
  const at::Tensor& edges() const noexcept { return edges_; }

 private:
  at::Tensor edges_;
};

/// The same with the values themselves as reference: for one held-out batch, whose bins are the same at every step.
/// Micro-batches of a training need the bins of one reference, EqualCountBins.
at::Tensor equal_count_bins(const at::Tensor& y, std::int64_t bins);

}  // namespace infoplane
