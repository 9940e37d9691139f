#pragma once

#include <infoplane/report/report.hpp>
#include <string>
#include <vector>

namespace infoplane::report {

/// "How to read the page", for what the runs have: n-grams of tokens, or sets of the trainer's own.
std::string glossary(const std::vector<ReportRun>& runs);

}  // namespace infoplane::report
