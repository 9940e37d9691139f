#pragma once

#include <infoplane/plane/point.hpp>
#include <infoplane/runs/run_header.hpp>
#include <string>
#include <string_view>
#include <variant>

// The lines of a run file, without their line feed.
namespace infoplane::runs::run_json {

std::string encode(const RunHeader& header);
std::string encode(const plane::Point& point);

/// Takes time and memory that are linear in the line, but for the logarithm of sorted keys.
/// @throws IoError saying what is wrong, without file and line.
std::variant<RunHeader, plane::Point> decode(std::string_view line);

/// The line with "layers" empty, which is much faster to decode. Only its strings and brackets are looked at; a line
/// where they do not match is given back as it is.
std::string without_layers(std::string_view line);

/// Whether the line is an object with a field of that name, written without escapes. Only looked at in the same way.
bool has_field(std::string_view line, std::string_view name) noexcept;

}  // namespace infoplane::runs::run_json
