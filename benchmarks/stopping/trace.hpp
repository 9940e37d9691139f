#pragma once

#include <array>
#include <infoplane/plane/point.hpp>
#include <string>
#include <vector>

#include "grid.hpp"

namespace stopping_study {

/// Whose held-out loss a rule is fed, and judged by.
enum class Yardstick : std::uint8_t {
  kWeights,   ///< the model's own
  kAveraged,  ///< that of the running mean of its weights: quieter
};

/// A run as the rules see it. Planes are those of the model itself, whatever the yardstick.
struct Trace {
  Run run;
  Yardstick yardstick = Yardstick::kWeights;
  std::vector<infoplane::plane::Point> points;     ///< held-out, in order; their loss is that of the yardstick
  std::vector<infoplane::plane::Metrics> derived;  ///< of each point: what the rules watch beside its own metrics
  std::size_t best = 0;                            ///< index of the lowest validation loss

  std::string name() const { return run.name() + (yardstick == Yardstick::kAveraged ? " (mean)" : ""); }
  double loss(std::size_t index) const { return points[index].loss; }
  /// How far the loss lies above the best of the run, of that.
  double excess(std::size_t index) const { return loss(index) / loss(best) - 1; }
  /// The first point within 2 % of the best: nothing that ends earlier can be right.
  std::size_t earliest() const;
  /// Whether the loss still falls behind a point: the mean of the five points around it lies more than two standard
  /// errors above the lowest such mean that comes later. The error is that of the jumps from point to point.
  bool still_falls(std::size_t index) const;
  /// Whether it gets better behind a point than it was until there: the lowest such mean that comes later lies more
  /// than two standard errors below the lowest one so far.
  bool gets_better(std::size_t index) const;
};

/// Reads a run and derives, for each point,
///   * `validation_loss`;
///   * `excess`: I(X;Z)/context − I(Y;Z), what the layers hold that does not say what comes next;
///   * `generalisation` and `excess_generalisation`: held-out distance, and excess, less that of the training split at
///     the same step;
///   * `rankme`, `alpha_req`, `matrix_entropy`, `local_dimension`: see rivals.hpp;
///   * `idle<w>`: 1 where complexity fell over the last w points (slope below −3 errors) while expressivity did not
///     rise (below 1).
/// @throws std::runtime_error if the files of the run do not fit one another.
std::array<Trace, 2> read_traces(const Run& run, const std::string& folder);

}  // namespace stopping_study
