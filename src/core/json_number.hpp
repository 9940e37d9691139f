#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace infoplane {

/// A number as JSON, which knows no NaN and no infinities: they are texts.
template <typename Json = nlohmann::json>
Json number_to_json(double value) {
  if (std::isfinite(value)) {
    return value;
  }
  return std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

/// The number that is such a text; nothing where it is none.
inline std::optional<double> not_finite(std::string_view text) noexcept {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return text == "Infinity" ? std::optional(kInfinity) : text == "-Infinity" ? std::optional(-kInfinity) : std::nullopt;
}

/// What `number_to_json` wrote; nothing where the JSON is no such number.
template <typename Json>
std::optional<double> number_from_json(const Json& json) {
  if (json.is_number()) {
    return json.template get<double>();
  }
  return json.is_string() ? not_finite(json.template get_ref<const std::string&>()) : std::nullopt;
}

/// An integer that fits into 64 bits; nothing where the JSON is none. Fractions and what is too large are none either.
template <typename Json>
std::optional<std::int64_t> integer_from_json(const Json& json) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!json.is_number_integer() || (json.is_number_unsigned() && json.template get<std::uint64_t>() > kMost)) {
    return std::nullopt;
  }
  return json.template get<std::int64_t>();
}

}  // namespace infoplane
