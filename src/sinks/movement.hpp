#pragma once

#include <infoplane/sinks/report.hpp>
#include <string>
#include <vector>

#include "sinks/series.hpp"

namespace infoplane::sinks {

/// Whether two values differ by more than two standard errors, and by more than 2 % of themselves.
bool differ(const Sample& a, const Sample& b);

/// How mean complexity went on the main stream: up to a peak (expansion), then down (compression).
struct Movement {
  Sample first, peak, last;
  bool known = false;  ///< there are two finite values at least
  bool rose = false;   ///< from first to peak by more than noise
  bool fell = false;   ///< from peak to last by more than noise
};

Movement movement_of(const RunFile& run, const std::string& order);

/// The phases that the run was given, else those of its movement.
std::vector<ReportPhase> phases_of(const ReportRun& run, const std::string& order);

}  // namespace infoplane::sinks
