#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>

#include "core/text.hpp"

namespace infoplane::cli {

/// A number for other programs; null where it is not finite.
inline nlohmann::ordered_json json_number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

/// Prints JSON; bytes of names that are no UTF-8 are replaced, and what a terminal would obey is escaped.
inline void print_json(const nlohmann::ordered_json& json, std::ostream& out) {
  out << text::printable_json(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace)) << '\n';
}

}  // namespace infoplane::cli
