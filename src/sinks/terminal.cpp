#include "sinks/terminal.hpp"

#include <unistd.h>

#include <iostream>

namespace infoplane::sinks {

bool is_terminal(const std::ostream& output) {
  if (&output == &std::cout) {
    return ::isatty(STDOUT_FILENO) == 1;
  }
  return (&output == &std::cerr || &output == &std::clog) && ::isatty(STDERR_FILENO) == 1;
}

}  // namespace infoplane::sinks
