#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <string>
#include <vector>

namespace infoplane::estimator {

/// What `trust` tries.
struct TrustOptions {
  /// The measure that is tried; with `centre`, that of what is measured is taken from it.
  INFOPLANE_ARG(SoftEntropyOptions, estimator);
  /// Times that the sequences are dealt into two halves, and that labels are shuffled; at least 2.
  INFOPLANE_ARG(std::int64_t, trials) = 32;
  /// Draws of the anchors, at least 2.
  INFOPLANE_ARG(std::int64_t, draws) = 8;
  /// Of the halves and the shuffles; LibTorch's default generators are not drawn from.
  INFOPLANE_ARG(std::uint64_t, seed) = 0;
};

/// How far the values of one label set can be trusted on these activations. Values as efficiencies (nats / log m).
struct Trust {
  std::string name;        ///< of the label set
  double value = 0;        ///< corrected, of all tokens
  double error = 0;        ///< its standard error, as reported
  double draw_spread = 0;  ///< standard deviation of the value between draws of the anchors
  /// Mean of the halves' values, less `value`: a bias that falls with the tokens would show here as a part of itself.
  double half_bias = 0;
  /// Share of the trials in which two halves differ by less than 1.645 of their errors; 0.9 where errors are right.
  double half_cover = 0;
  double shuffled_mean = 0;    ///< mean value where the labels say nothing: 0 where nothing is left of the bias
  double shuffled_spread = 0;  ///< its standard deviation between trials
  double shuffled_error =
      0;  ///< mean of the errors that are reported there; as large as the spread where they are right
  /// Share of the trials in which that value lies above 1.645 of its errors, so that a label would seem to say
  /// something; 0.05 where errors are right.
  double false_alarms = 0;
  std::int64_t undefined = 0;  ///< values among the draws, halves and shuffles that were not defined: in none of these
};

/// Tries the estimator on activations of one's own: in halves of the sequences, with labels that are dealt to other
/// sequences (and turned along them, so that they keep their neighbours and lose their tokens), and with other draws of
/// the anchors. Costs 3 · trials + draws estimates.
///
/// @param z [B, T, d], as for `SoftEntropyAccumulator::update`
/// @param labels of each position, integers [B, T]
/// @throws ShapeError if z has no three axes, or labels are not [B, T]; what `update` throws. @throws ArgumentError if
/// there are fewer than 4 sequences, no labels, or an option is out of range.
std::vector<Trust> trust(const at::Tensor& z, const NamedLabelTensors& labels, const TrustOptions& options = {});

/// A line of text for each set.
std::string to_text(const std::vector<Trust>& sets);

}  // namespace infoplane::estimator
