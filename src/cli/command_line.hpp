#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"

namespace infoplane::cli {

/// Parses a command line without the program's name, runs its command, and returns the exit code. Throws nothing that a
/// command throws: it becomes a message and a code.
int run_command_line(const std::vector<std::string>& arguments, Context& context);

}  // namespace infoplane::cli
