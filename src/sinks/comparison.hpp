#pragma once

#include <infoplane/sinks/comparison.hpp>

namespace infoplane::sinks {

/// Whether all runs have the gap of the order on the stream, to one curve.
bool have_curve_gap(const std::vector<RunFile>& runs, const ComparisonOptions& options);

}  // namespace infoplane::sinks
