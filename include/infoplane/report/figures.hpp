#pragma once

#include <cstdint>
#include <infoplane/core/option.hpp>
#include <infoplane/report/report.hpp>
#include <string>

namespace infoplane::report {

/// What a figure shows.
struct FigureOptions {
  /// Order of the n-grams whose coordinates are drawn.
  INFOPLANE_ARG(std::string, order) = "unigram";
  /// Stream that is drawn; empty: held-out if there is one. The figure over steps draws all.
  INFOPLANE_ARG(std::string, split);
  /// Steps shown at most, evenly chosen; at least 2.
  INFOPLANE_ARG(std::int64_t, max_steps) = 200;
  /// Metric of the layer map: "optimality", "complexity", "expressivity" or "distance".
  INFOPLANE_ARG(std::string, metric) = "optimality";
};

/// The information plane as an SVG document for a paper: a path for each layer coloured by step, the diagonal bound,
/// rays of equal optimality, and the IB curve where the run has one.
/// @throws ArgumentError if no point of the split has both coordinates of the order, or max_steps is below 2.
std::string plane_svg(const ReportRun& run, const FigureOptions& options = {});

/// Loss and the means of complexity, expressivity, optimality and distance over steps, one panel below the other.
/// @throws ArgumentError as plane_svg does, over all splits.
std::string steps_svg(const ReportRun& run, const FigureOptions& options = {});

/// A metric as a map, a row a layer and a column a step.
/// @throws ArgumentError as plane_svg does, or if there is no such metric.
std::string layers_svg(const ReportRun& run, const FigureOptions& options = {});

}  // namespace infoplane::report
