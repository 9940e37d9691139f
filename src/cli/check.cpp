#include <CLI/CLI.hpp>
#include <algorithm>
#include <infoplane/runs/run_check.hpp>
#include <memory>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/options.hpp"
#include "cli/outputs.hpp"
#include "cli/program.hpp"
#include "core/text.hpp"

namespace infoplane::cli {
namespace {

struct Arguments {
  std::vector<std::string> runs;
  std::int64_t most = 20;
  bool strict = false;
  bool json = false;
};

constexpr std::size_t kMostColumns = 1000;  // of a finding, which may quote what the file holds

void check(const Arguments& arguments, Context& context) {
  require_apart(context, arguments.runs);
  auto json = nlohmann::ordered_json::array();
  for (const auto& path : arguments.runs) {
    const auto findings = runs::check_run_file(path);
    const auto errors = std::count_if(findings.begin(), findings.end(), [](const auto& found) { return found.error; });
    if (errors > 0 || (arguments.strict && !findings.empty())) {
      context.exit_code = kFindings;
    }
    if (arguments.json) {
      for (const auto& found : findings) {
        json.push_back({{"file", path},
                        {"line", found.line},
                        {"severity", found.error ? "error" : "warning"},
                        {"text", found.text}});
      }
      continue;
    }
    const auto name = text::printable(path);
    std::int64_t told = 0;
    for (const auto& found : findings) {
      if (++told > arguments.most) {
        context.out << name << ": and " << std::to_string(static_cast<std::int64_t>(findings.size()) - arguments.most)
                    << " findings more (--most shows them)\n";
        break;
      }
      context.out << name << ':' << std::to_string(found.line) << ": " << (found.error ? "error: " : "warning: ")
                  << text::shortened(text::printable(found.text), kMostColumns) << '\n';
    }
    if (findings.empty()) {
      context.out << name << ": nothing is wrong\n";
    }
  }
  if (arguments.json) {
    print_json(json, context.out);
  }
}

}  // namespace

void add_check(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  auto* command = program.add_subcommand("check", "Validates run files and says what is wrong where");
  command->option_defaults()->always_capture_default();
  command->add_option("RUN", arguments->runs, "Run files")->required();
  add_number(*command, "--most", arguments->most, "Findings shown of each file at most", {1});
  add_flag(*command, "--strict", arguments->strict, "Warnings end with 1 too");
  add_flag(*command, "--json", arguments->json, "Print all findings as JSON");
  command->footer("Ends with 1 where a file has an error.\nExample: infoplane check run.jsonl");
  command->callback([arguments, &context] { check(*arguments, context); });
}

}  // namespace infoplane::cli
