#pragma once

#include <string>
#include <vector>

#include "report/draw.hpp"

// Parts of the HTML page.
namespace infoplane::report::parts {

/// A drawing with its caption; `kind` is what the script knows it by.
std::string figure(const std::string& kind, const Drawing& drawing, const std::string& caption, bool wide = false);

/// What the lines' colours mean; nothing for less than two lines.
std::string legend(const std::vector<Line>& lines);

/// Radio buttons that show one of the parts with the attribute data-<shows>; without the script all are shown.
std::string choice(const std::string& shows, const std::string& title, const std::vector<std::string>& values,
                   const std::string& id);

/// The run in a few large numbers.
std::string big_numbers(const ReportRun& run, const std::string& order);

/// What the figures show, as a table: both splits, up to 60 steps.
std::string values_table(const ReportRun& run, const std::string& order);

std::string header_table(const runs::RunHeader& header);

/// Figures and a table over the runs that can be compared with the first.
std::string comparison(const std::vector<ReportRun>& runs, std::size_t max_steps);

}  // namespace infoplane::report::parts
