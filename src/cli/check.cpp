#include "cli/check.hpp"

#include <algorithm>
#include <infoplane/runs/run_check.hpp>
#include <ostream>

#include "cli/json.hpp"
#include "cli/outputs.hpp"
#include "cli/program.hpp"
#include "core/text.hpp"

namespace infoplane::cli {
namespace {

constexpr std::size_t kMostColumns = 1000;  // of a finding, which may quote what the file holds

/// The findings of a file as lines, those beyond the most as their number.
void print_text(const std::string& path, const std::vector<runs::RunFinding>& findings, std::int64_t most,
                std::ostream& out) {
  const auto name = text::printable(path);
  std::int64_t told = 0;
  for (const auto& found : findings) {
    if (++told > most) {
      out << name << ": and " << std::to_string(static_cast<std::int64_t>(findings.size()) - most)
          << " findings more (--most shows them)\n";
      break;
    }
    out << name << ':' << std::to_string(found.line) << ": " << (found.error ? "error: " : "warning: ")
        << text::shortened(text::printable(found.text), kMostColumns) << '\n';
  }
  if (findings.empty()) {
    out << name << ": nothing is wrong\n";
  }
}

}  // namespace

void check_runs(const std::vector<std::string>& paths, const CheckOptions& options, Context& context) {
  require_apart(context, paths);
  auto json = nlohmann::ordered_json::array();
  for (const auto& path : paths) {
    const auto findings = runs::check_run_file(path);
    const bool errors = std::any_of(findings.begin(), findings.end(), [](const auto& found) { return found.error; });
    if (errors || (options.strict && !findings.empty())) {
      context.exit_code = kFindings;
    }
    if (!options.json) {
      print_text(path, findings, options.most, context.out);
      continue;
    }
    for (const auto& found : findings) {
      json.push_back({{"file", path},
                      {"line", found.line},
                      {"severity", found.error ? "error" : "warning"},
                      {"text", found.text}});
    }
  }
  if (options.json) {
    print_json(json, context.out);
  }
}

}  // namespace infoplane::cli
