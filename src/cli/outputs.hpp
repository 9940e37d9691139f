#pragma once

#include <string>
#include <vector>

#include "cli/context.hpp"

namespace infoplane::cli {

/// "-" for a path such as /dev/stdout that names where the program prints anyway, else the path.
std::string as_output(const Context& context, const std::string& path);

/// A file that a command will write, and what messages call it and the inputs, such as "page" and "run file".
struct Output {
  std::string path;  ///< empty or "-": nothing but the standard output
  std::string what;
  std::string input = "input";
};

/// To be called before a command reads or writes anything.
/// @throws ArgumentError if that or the standard output is one of the inputs, by whatever name, or if both are one
/// file.
void require_apart(const Context& context, const Output& output, const std::vector<std::string>& inputs);

/// The same for a command that only prints.
void require_apart(const Context& context, const std::vector<std::string>& inputs);

}  // namespace infoplane::cli
