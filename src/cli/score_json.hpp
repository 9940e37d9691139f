#pragma once

#include <string>
#include <string_view>

#include "cli/score_table.hpp"

namespace infoplane::cli {

/// A table of scores as JSON, see read_scores.
/// @throws IoError with file and line.
ScoreTable scores_from_json(const std::string& path, std::string_view json);

}  // namespace infoplane::cli
