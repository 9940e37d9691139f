#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace infoplane::cli {

/// How the program ends.
enum ExitCode : int {
  kSuccess = 0,
  kFindings = 1,  ///< report --check found a mistake; runs cannot be compared
  kUsage = 2,     ///< the command line is wrong
  kFile = 3,      ///< a file cannot be read, is broken, or cannot be written
};

/// Runs a command line without the program's name. What a command prints goes to `out`, messages to `err`; throws
/// nothing.
int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace infoplane::cli
