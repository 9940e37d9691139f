#pragma once

#include <infoplane/plane/point.hpp>
#include <infoplane/sinks/run_header.hpp>
#include <string>
#include <string_view>
#include <variant>

// The lines of a run file, without their line feed.
namespace infoplane::sinks::run_json {

std::string encode(const RunHeader& header);
std::string encode(const plane::Point& point);

/// @throws IoError saying what is wrong, without file and line.
std::variant<RunHeader, plane::Point> decode(std::string_view line);

/// The line with "layers" empty, which is much faster to decode. Only its strings and brackets are looked at; a line
/// where they do not match is given back as it is.
std::string without_layers(std::string_view line);

/// Whether the text is one whole JSON value; a line that was cut is not.
bool is_whole(std::string_view line) noexcept;

}  // namespace infoplane::sinks::run_json
