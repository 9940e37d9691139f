#pragma once

#include <infoplane/compare/comparison.hpp>

namespace infoplane::compare {

/// Whether all runs have the gap of the order on the split, to one curve.
bool have_curve_gap(const std::vector<runs::RunFile>& runs, const ComparisonOptions& options);

}  // namespace infoplane::compare
