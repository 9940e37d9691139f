#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/plane/series.hpp>
#include <infoplane/plane/trajectory.hpp>
#include <string>
#include <vector>

namespace infoplane::plane {

enum class PhaseKind : std::uint8_t {
  kExpansion,    ///< complexity rises
  kCompression,  ///< complexity falls
  kUndecided,    ///< no change that stands out of the noise
};

/// "expansion", "compression" or "not decided".
const char* to_string(PhaseKind kind) noexcept;

/// A part of a trajectory.
struct Phase {
  PhaseKind kind = PhaseKind::kUndecided;  ///< what complexity does in it
  std::int64_t first_step = 0;             ///< where it begins
  std::int64_t last_step = 0;              ///< where it ends
  Change complexity;                       ///< over the phase; its evidence() is what the verdict rests on
  Change expressivity;                     ///< over the same steps
  Change mean_direction = {};              ///< of `mean_direction`, over the same steps; NaN where it is not known

  /// Whether what was found may be no more than growth, or decay, of a direction that all rows have in common: the mean
  /// direction moved the other way, by at least kDirectionChange and by 4 times its noise. Such a change alone moves
  /// complexity, and loses nothing (docs/studies/direction.md). Never of what is not decided.
  bool goes_with_direction() const noexcept;
  /// 0.02 of mean direction move complexity by about 0.01 on layers of language models.
  static constexpr double kDirectionChange = 0.02;
};

/// What `phases` looks at, and what it takes for a change.
struct PhaseOptions {
  /// Label sets: complexity is `I(X;Z)/input_<order>`, expressivity `I(Y;Z)/output_<order>`, corrected where there is
  /// that.
  INFOPLANE_ARG(std::string, order) = "unigram";
  /// Key of the metric that is looked at in place of that complexity, such as `I(X;Z)/context`; empty: complexity.
  INFOPLANE_ARG(std::string, metric);
  /// Layer that is looked at; empty: the mean over blocks.
  INFOPLANE_ARG(std::string, layer);
  /// Least change, in its own noise (√2 step_noise), that makes a phase. Raised to 2 √(ln n) + 1 where that is more:
  /// the range of n values of nothing but noise is about 2 √(ln n).
  INFOPLANE_ARG(double, evidence) = 4;
};

/// Parts a trajectory into phases: from the first step to the last, each beginning where the one before ends.
///
/// A turning point is an extremum of the complexity from which it comes back by more than the evidence asks for. A
/// phase ends at the first step that is within twice the noise of the extremum, the next begins at the last such step,
/// and what lies between is not decided. So are a whole trajectory without such a change, and one of fewer than 5
/// points with a defined complexity. The last phase is where the run is now. Empty for an empty trajectory.
///
/// An untrained net isn't at the origin: its complexity may fall within the first steps before it expands.
/// @throws ArgumentError if no point has the layer, or none has the order's complexity.
std::vector<Phase> phases(const Trajectory& trajectory, const PhaseOptions& options = {});

}  // namespace infoplane::plane
