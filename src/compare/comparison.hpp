#pragma once

#include <infoplane/compare/comparison.hpp>

namespace infoplane::compare {

/// Whether all runs have the gap of the order on the split, to one curve.
bool have_curve_gap(const std::vector<runs::RunFile>& runs, const ComparisonOptions& options);

/// Whether the curves of an order have the same corners; both without one are the same.
bool same_curve(const runs::RunHeader& one, const runs::RunHeader& other, const std::string& order);

/// "up to 0.93 at 1.2" for the end of a curve.
std::string curve_name(const runs::RunHeader& header, const std::string& order);

/// Of runs that are held elsewhere.
std::vector<std::string> comparison_notes(const std::vector<const runs::RunFile*>& runs,
                                          const std::vector<std::string>& names);

}  // namespace infoplane::compare
