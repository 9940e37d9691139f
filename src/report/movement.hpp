#pragma once

#include <cstdint>
#include <infoplane/plane/phases.hpp>
#include <infoplane/report/report.hpp>
#include <string>
#include <vector>

#include "runs/series.hpp"

namespace infoplane::report {

/// Whether two values differ by more than two standard errors, and by more than 2 % of themselves.
bool differ(const runs::Sample& a, const runs::Sample& b);

/// How mean complexity went on the main split, by the rule of plane::phases().
struct Movement {
  enum class Kind : std::uint8_t {
    kUnknown,      ///< nowhere is complexity defined
    kTooShort,     ///< fewer values than phases need
    kStill,        ///< no change that stands out of the noise
    kExpansion,    ///< what it did last
    kCompression,  ///< the same, and no expansion came before
    kBoth,         ///< compression behind an expansion
  };

  Kind kind = Kind::kUnknown;
  std::vector<plane::Phase> phases;
  std::int64_t values = 0;         ///< finite ones
  runs::Sample first, turn, last;  ///< turn: where the last phase came from, the largest value before a compression
  std::int64_t until = -1;         ///< where the decided phase before the last ended
  std::int64_t since = -1;         ///< where the last decided phase began
};

Movement movement_of(const runs::RunFile& run, const std::string& order);
/// The same of another metric in place of complexity, by its plain key.
Movement movement_of_metric(const runs::RunFile& run, const std::string& key);

/// The phases that the run was given, else those of its movement.
std::vector<ReportPhase> phases_of(const ReportRun& run, const std::string& order);

}  // namespace infoplane::report
