#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/plane/point.hpp>
#include <string>
#include <vector>

namespace infoplane::report {

/// What a table shows.
struct PlaneTableOptions {
  /// Order of the n-grams whose coordinates are shown.
  INFOPLANE_ARG(std::string, order) = "unigram";
  /// At most so many rows, evenly chosen, the first and the last among them; 0: all.
  INFOPLANE_ARG(std::int64_t, max_rows) = 0;
};

/// The trajectory of a run as text: a row a step; loss, complexity, expressivity, optimality, distance and, where
/// known, the gap to the IB curve (means over the blocks) in columns, the splits side by side under each. Values as
/// plane::shown_metric chooses them: corrected ones where the points have them, else the column says that it is
/// plug-in. "-": not measured; "nan": undefined.
/// @throws ArgumentError if max_rows is 1 or negative.
std::string plane_table(const std::vector<plane::Point>& points, const PlaneTableOptions& options = {});

/// One point as text: a row a layer, then the mean over the blocks.
std::string layer_table(const plane::Point& point, const PlaneTableOptions& options = {});

}  // namespace infoplane::report
