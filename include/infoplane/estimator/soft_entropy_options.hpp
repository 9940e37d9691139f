#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/estimator/assignment/temperature.hpp>

namespace infoplane::estimator {

/// Weight w_x of a label in the conditional entropy Σ_x w_x H(Z|x).
enum class LabelWeights : std::uint8_t {
  kEmpirical,  ///< w_x = n_x / N
  kUniform,    ///< w_x = 1 / number of labels seen
};

/// What a soft-entropy estimate depends on besides the data. Values are comparable only between equal anchors, seed,
/// seed rule, dimension and temperature.
struct SoftEntropyOptions {
  /// Number of anchors m, at least 2.
  INFOPLANE_ARG(std::int64_t, anchors) = 100;
  /// Seed of the anchors.
  INFOPLANE_ARG(std::uint64_t, seed) = 0;
  /// Draw the anchors with the seed itself, as the reference does, instead of a mixed one. `manual_seed(seed)` gives a
  /// model the same stream: its first weights are then the anchors.
  INFOPLANE_ARG(bool, raw_seed) = false;
  /// How the temperature follows from m and d.
  INFOPLANE_ARG(Calibration, calibration) = Calibration::exact();
  /// How labels are weighed in the conditional entropy.
  INFOPLANE_ARG(LabelWeights, label_weights) = LabelWeights::kEmpirical;
  /// Labels of a set that are kept; beyond it a sample of half as many to as many of them, chosen by a hash of the
  /// label, the same in every process. Their mean H(Z|x), weighted by tokens, then stands for that of all labels, and
  /// the error of that is in the standard error (too small where labels are as unlike as they are differently frequent,
  /// see docs/estimator.md). A kept label costs 4 m + 48 bytes or more. 0: all.
  INFOPLANE_ARG(std::int64_t, max_labels) = 0;
  /// Number of the stream of tokens, such as the rank of a process: which tokens are sampled for the statistics follows
  /// from it and a token's position in the stream. Accumulators that will be merged should have different ones.
  INFOPLANE_ARG(std::uint64_t, stream) = 0;
  /// Take the centre of earlier tokens from each row before its norm (SoftEntropyAccumulator::set_centre; a Monitor
  /// takes that of the window before). Layers of language models point mostly one way, and what moves that way moves
  /// all values: without it, a change that loses nothing, such as adding a vector to all rows, changes nothing. The
  /// centre is the geometric median of the rows, where no direction is left, and not their mean, which a few rows of
  /// massive norm would carry away. False: rows as they are. Costs one more pass over z.
  INFOPLANE_ARG(bool, centre) = false;
};

}  // namespace infoplane::estimator
