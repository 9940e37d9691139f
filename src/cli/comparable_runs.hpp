#pragma once

#include <cstdint>
#include <infoplane/compare/comparison.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.hpp"

namespace infoplane::cli {

/// Runs that a command compares, and which of their points.
struct RunChoice {
  std::vector<std::string> runs;
  std::string order = "unigram";
  std::string split;
  /// Of each run the point that is taken: the last one, unless something else is asked for.
  struct At {
    bool best = false;
    std::optional<std::int64_t> step;
  };
  At at;

  compare::ComparisonOptions options(const std::string& metric) const;
  /// Reads the runs; where they cannot be compared by that metric, says why and gives nothing.
  /// @throws IoError with file and line.
  std::optional<std::vector<runs::RunFile>> read(Context& context, const std::vector<std::string>& metrics) const;
};

/// "last", "best" or a step. @throws ArgumentError for anything else.
RunChoice::At read_at(const std::string& text);

}  // namespace infoplane::cli
