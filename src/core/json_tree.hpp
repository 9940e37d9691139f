#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace infoplane::json {

/// Reads a small text as a tree.
/// @throws IoError as read() does, and if an object has a name twice.
nlohmann::json parse(std::string_view text);

}  // namespace infoplane::json
