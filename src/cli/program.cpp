#include "cli/program.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <infoplane/core/error.hpp>
#include <infoplane/core/version.hpp>
#include <ostream>

#include "cli/commands.hpp"
#include "core/text.hpp"

namespace infoplane::cli {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 success; 1 a finding (a broken run file for report --check, runs that cannot be compared); "
    "2 a mistake on the command line; 3 a file that cannot be read or written.\n"
    "\"infoplane COMMAND --help\" shows a command's options and an example.";

/// One line of a message that may quote names, keys and pieces of broken files.
std::string line_of(const std::exception& error) {
  constexpr std::size_t kMost = 4000;
  return text::shortened(text::printable(error.what()), kMost);
}

int parse(CLI::App& program, Context& context, const std::vector<std::string>& arguments) {
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
    program.parse(std::move(reversed));
    if (program.get_subcommands().empty()) {
      throw CLI::RequiredError("A command");
    }
    return context.exit_code;
  } catch (const CLI::CallForHelp&) {
    const auto chosen = program.get_subcommands();
    context.out << (chosen.empty() ? program.help() : chosen.front()->help("infoplane"));
    return kSuccess;
  } catch (const CLI::CallForVersion&) {
    context.out << "infoplane " << version() << '\n';
    return kSuccess;
  } catch (const CLI::ParseError& error) {
    context.err << "infoplane: " << line_of(error) << " (see --help)\n";
    return kUsage;
  } catch (const ArgumentError& error) {
    context.err << "infoplane: " << line_of(error) << '\n';
    return kUsage;
  } catch (const std::exception& error) {
    context.err << "infoplane: " << line_of(error) << '\n';
    return kFile;
  }
}

}  // namespace

int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  CLI::App program("Looks at what infoplane measured while a transformer trained.", "infoplane");
  program.set_version_flag("--version", std::string(version()));
  program.require_subcommand(0, 1);  // none is told of after the parse, so that an unknown one is told by its name
  program.footer(kFooter);
  Context context{out, err};
  for (const auto add : {add_report, add_compare, add_correlate, add_watch, add_bound}) {
    add(program, context);
  }
  const auto code = parse(program, context, arguments);
  out.flush();
  if (!out) {
    err << "infoplane: the output could not be written\n";
    return code == kSuccess ? kFile : code;
  }
  return code;
}

}  // namespace infoplane::cli
