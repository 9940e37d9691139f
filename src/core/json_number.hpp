#pragma once

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace infoplane {

/// A number as JSON, which knows no NaN and no infinities: they are texts.
template <typename Json = nlohmann::json>
Json number_to_json(double value) {
  if (std::isfinite(value)) {
    return value;
  }
  return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

/// What `number_to_json` wrote; nothing where the JSON is no such number.
template <typename Json>
std::optional<double> number_from_json(const Json& json) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (json.is_number()) {
    return json.template get<double>();
  }
  if (json == "NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return json == "Infinity" ? std::optional(kInfinity) : json == "-Infinity" ? std::optional(-kInfinity) : std::nullopt;
}

}  // namespace infoplane
