#pragma once

#include <infoplane/report/report.hpp>
#include <string>

#include "report/movement.hpp"
#include "runs/series.hpp"

namespace infoplane::report {

/// Which layer is nearest to the bound at the last of the points, and which farthest from it; or, where values do not
/// compare, the groups.
std::string layers_sentence(const ReportRun& run, const std::string& order, const runs::Points& chosen);

/// Where a change of complexity may be no more than one of the direction that all rows have in common.
std::string direction_sentence(const Movement& moved, const ReportRun& run);

}  // namespace infoplane::report
