#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/context.hpp"

namespace infoplane::cli {

/// What `report --check` prints of the findings in run files.
struct CheckOptions {
  std::int64_t most = 20;  ///< findings of each file
  bool strict = false;     ///< warnings end with 1 too
  bool json = false;       ///< all findings as JSON
};

/// Says what is wrong in which line of the run files, and ends with 1 where one has an error.
/// @throws IoError if a file cannot be read.
void check_runs(const std::vector<std::string>& paths, const CheckOptions& options, Context& context);

}  // namespace infoplane::cli
