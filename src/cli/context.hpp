#pragma once

#include <iosfwd>

namespace infoplane::cli {

/// What the commands share while one command line is run.
struct Context {
  std::ostream& out;
  std::ostream& err;
  int exit_code = 0;
};

}  // namespace infoplane::cli
