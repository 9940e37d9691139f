#pragma once

#include <infoplane/plane/point.hpp>
#include <string>
#include <vector>

#include "grid.hpp"

namespace stopping_study {

/// A run as the rules see it.
struct Trace {
  Run run;
  std::vector<infoplane::plane::Point> points;     ///< held-out, in order
  std::vector<infoplane::plane::Metrics> derived;  ///< of each point: what the rules watch beside its own metrics
  std::size_t best = 0;                            ///< index of the lowest validation loss

  double loss(std::size_t index) const { return points[index].loss; }
  /// How far the loss lies above the best of the run, of that.
  double excess(std::size_t index) const { return loss(index) / loss(best) - 1; }
  /// The first point within 2 % of the best: nothing that ends earlier can be right.
  std::size_t earliest() const;
};

/// Reads a run and derives, for each point,
///   * `validation_loss`;
///   * `curve_gap/unigram` and its corrected value, on the byte bigrams of the run's own training text;
///   * `generalisation`: held-out distance less that of the training split at the same step;
///   * `idle<w>`: 1 where complexity fell over the last w points (slope below −3 errors) while expressivity did not
///     rise (below 1).
Trace read_trace(const Run& run, const std::string& folder);

}  // namespace stopping_study
