#pragma once

#include <iosfwd>

namespace CLI {
class App;
}

namespace infoplane::cli {

/// What the commands share while one command line is run.
struct Context {
  std::ostream& out;
  std::ostream& err;
  int exit_code = 0;
};

/// Each adds its command to the program; the command runs while the command line is parsed.
void add_report(CLI::App& program, Context& context);
void add_compare(CLI::App& program, Context& context);
void add_correlate(CLI::App& program, Context& context);
void add_watch(CLI::App& program, Context& context);
void add_bound(CLI::App& program, Context& context);

}  // namespace infoplane::cli
