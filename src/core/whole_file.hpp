#pragma once

#include <string>
#include <string_view>

namespace infoplane {

/// Writes a file whole or not at all: to a file beside it, which then takes its name. Returns 0, or the errno of what
/// failed.
int write_whole_file(const std::string& path, std::string_view bytes);

/// Reads a file to its end. Returns 0, or the errno of what failed, as of a folder.
int read_whole_file(const std::string& path, std::string& bytes);

}  // namespace infoplane
