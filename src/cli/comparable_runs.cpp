#include "cli/comparable_runs.hpp"

#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/core/number.hpp>
#include <ostream>
#include <system_error>

#include "cli/load.hpp"
#include "cli/program.hpp"
#include "core/text.hpp"

namespace infoplane::cli {
namespace {

/// A run that is there twice would count for two.
void require_different(const std::vector<std::string>& runs) {
  for (std::size_t i = 1; i < runs.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      std::error_code ignored;
      const bool same = runs[i] == runs[k] || std::filesystem::equivalent(runs[i], runs[k], ignored);
      INFOPLANE_CHECK(!same, ArgumentError, runs[k], " and ", runs[i], " are the same file: give each run once");
    }
  }
}

}  // namespace

RunChoice::At read_at(const std::string& text) {
  if (text == "last" || text == "best") {
    return {text == "best", std::nullopt};
  }
  return {false, read_integer("--at takes last, best or a step", text, 0)};
}

compare::ComparisonOptions RunChoice::options(const std::string& metric) const {
  auto options = compare::ComparisonOptions().metric(metric).order(order).split(split);
  if (at.best) {
    options.at_best(true);
  }
  if (at.step) {
    options.step(*at.step);
  }
  return options;
}

std::optional<std::vector<runs::RunFile>> RunChoice::read(Context& context,
                                                          const std::vector<std::string>& metrics) const {
  require_different(runs);
  auto files = read_runs(runs);
  auto obstacles = compare::comparison_obstacles(files, runs);
  for (const auto& metric : metrics) {
    if (obstacles.empty()) {
      obstacles = compare::comparison_obstacles(files, runs, options(metric));
    }
  }
  if (obstacles.empty()) {
    return files;
  }
  context.err << "infoplane: the runs were measured with other settings than " << text::printable(runs.front())
              << ", so they cannot be compared:\n";
  for (const auto& obstacle : obstacles) {
    context.err << "  " << text::printable(obstacle) << '\n';
  }
  context.exit_code = kFindings;
  return std::nullopt;
}

}  // namespace infoplane::cli
