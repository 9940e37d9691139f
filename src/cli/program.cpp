#include "cli/program.hpp"

#include <ostream>

#include "cli/command_line.hpp"

namespace infoplane::cli {

int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  Context context{out, err};
  const auto code = run_command_line(arguments, context);
  out.flush();
  if (!out) {
    err << "infoplane: the output could not be written\n";
    return code == kSuccess ? kFile : code;
  }
  return code;
}

}  // namespace infoplane::cli
