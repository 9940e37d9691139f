#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <infoplane/compare/comparison.hpp>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/comparable_runs.hpp"
#include "cli/json.hpp"
#include "cli/load.hpp"
#include "cli/outputs.hpp"
#include "core/text.hpp"

namespace infoplane::cli {
namespace {

std::string with_error(const compare::ComparedRun& run) {
  const auto& measured = run.metric;
  return !run.reason.empty() ? "not defined"
         : std::isfinite(measured.standard_error)
             ? fmt::format("{:.4f} ± {:.4f}", measured.value, measured.standard_error)
             : fmt::format("{:.4f}", measured.value);
}

/// A number for a table, "-" where there is none.
std::string shown(double value) { return std::isfinite(value) ? fmt::format("{:.4f}", value) : "-"; }

/// Why a run has no place.
std::string explained(const compare::ComparedRun& run) {
  auto out = run.step < 0 ? run.reason : fmt::format("not defined at step {} ({})", run.step, run.reason);
  if (run.last_defined) {
    out += fmt::format("; it last was at step {}: {:.4f}", run.last_defined->step, run.last_defined->value);
  }
  return out;
}

/// A column of a table, with its heading.
struct Column {
  std::string heading;
  std::vector<std::string> cells;
  bool left = false;
};

void print_table(const std::vector<Column>& columns, std::size_t rows, std::ostream& out) {
  std::vector<std::size_t> widths;
  for (const auto& column : columns) {
    widths.push_back(text::columns(column.heading));
    for (const auto& cell : column.cells) {
      widths.back() = std::max(widths.back(), text::columns(cell));
    }
  }
  for (std::size_t row = 0; row <= rows; ++row) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto& cell = row == 0 ? columns[i].heading : columns[i].cells[row - 1];
      line += i == 0 ? "" : "  ";
      line += columns[i].left ? text::padded(cell, widths[i]) : text::padded_left(cell, widths[i]);
    }
    out << line.substr(0, line.find_last_not_of(' ') + 1) << '\n';
  }
}

void print_text(const compare::Comparison& comparison, const std::vector<std::string>& names,
                const std::vector<std::string>& notes, bool drawn, std::ostream& out) {
  const plane::ShownMetric metric{comparison.key, comparison.plug_in};
  out << text::printable(fmt::format("{} on {}", metric.label(comparison.key), comparison.split))
      << ", mean over the blocks, ± standard error\n";
  std::vector<Column> columns = {{"rank", {}},
                                 {"run", {}, true},
                                 {"step", {}},
                                 {"value", {}},
                                 {comparison.complexity.label("complexity"), {}},
                                 {comparison.expressivity.label("expressivity"), {}},
                                 {comparison.optimality.label("optimality"), {}},
                                 {"loss", {}},
                                 {"p", {}},
                                 {"against the best", {}, true}};
  for (std::size_t i = 0; i < comparison.ranking.size(); ++i) {
    const auto& ranked = comparison.ranking[i];
    const auto& run = comparison.runs[ranked.index];
    const bool defined = run.reason.empty();
    std::size_t column = 0;
    for (const auto& cell : {defined ? std::to_string(i + 1) : "-", text::printable(names[ranked.index]),
                             run.step < 0 ? "-" : std::to_string(run.step), with_error(run), shown(run.complexity),
                             shown(run.expressivity), shown(run.optimality), shown(run.loss),
                             std::isfinite(ranked.p_value) ? fmt::format("{:.2g}", ranked.p_value) : "-",
                             std::string(plane::to_string(ranked.verdict))}) {
      columns[column++].cells.push_back(cell);
    }
  }
  print_table(columns, comparison.ranking.size(), out);
  for (const auto& ranked : comparison.ranking) {
    if (const auto& run = comparison.runs[ranked.index]; !run.reason.empty()) {
      out << "left out: " << text::printable(names[ranked.index] + ", " + explained(run)) << '\n';
    }
  }
  for (const auto& note : notes) {
    out << "note: " << text::printable(note) << '\n';
  }
  out << "p: two-sided, after Holm's correction, for the noise of the tokens "
      << (drawn ? "and of the draw of the anchors" : "only, not of the draw of the anchors (MonitorOptions::draws)")
      << ": another seed may rank otherwise; tied: not told apart from the best at 5 %; unknown: without standard "
         "errors "
         "in the file\n";
}

/// Whether the errors have the draw of the anchors in them.
bool several_draws(const compare::Comparison& comparison, const std::vector<runs::RunFile>& files) {
  return comparison.split == "heldout" &&
         std::all_of(files.begin(), files.end(), [](const runs::RunFile& file) { return file.header.draws > 1; });
}

nlohmann::ordered_json to_json(const compare::Comparison& comparison, const std::vector<std::string>& paths,
                               const std::vector<runs::RunFile>& files, const std::vector<std::string>& notes) {
  nlohmann::ordered_json json{{"metric", comparison.key},
                              {"plug_in", comparison.plug_in},
                              {"stream", comparison.split},
                              {"notes", notes},
                              {"ranking", nlohmann::ordered_json::array()}};
  for (std::size_t i = 0; i < comparison.ranking.size(); ++i) {
    const auto& ranked = comparison.ranking[i];
    const auto& run = comparison.runs[ranked.index];
    nlohmann::ordered_json row{{"rank", i + 1},
                               {"run", files[ranked.index].header.run},
                               {"file", paths[ranked.index]},
                               {"step", nullptr},
                               {"value", json_number(run.metric.value)},
                               {"standard_error", json_number(run.metric.standard_error)},
                               {"complexity", json_number(run.complexity)},
                               {"expressivity", json_number(run.expressivity)},
                               {"optimality", json_number(run.optimality)},
                               {"loss", json_number(run.loss)},
                               {"difference", json_number(ranked.difference)},
                               {"difference_error", json_number(ranked.standard_error)},
                               {"p_value", json_number(ranked.p_value)},
                               {"verdict", plane::to_string(ranked.verdict)}};
    if (run.step >= 0) {
      row["step"] = run.step;
    }
    if (!run.reason.empty()) {
      row["rank"] = nullptr;
      row["reason"] = run.reason;
    }
    if (run.last_defined) {
      row["last_defined"] = {{"step", run.last_defined->step}, {"value", json_number(run.last_defined->value)}};
    }
    json["ranking"].push_back(std::move(row));
  }
  return json;
}

}  // namespace

void compare(const CompareArguments& arguments, Context& context) {
  require_apart(context, arguments.choice.runs);
  const auto files = arguments.choice.read(context, {arguments.metric});
  if (!files) {
    return;
  }
  const auto& paths = arguments.choice.runs;
  const auto comparison = compare::compare(*files, arguments.choice.options(arguments.metric));
  const auto notes = compare::comparison_notes(*files, paths);
  if (arguments.json) {
    print_json(to_json(comparison, paths, *files, notes), context.out);
  } else {
    print_text(comparison, run_names(*files, paths), notes, several_draws(comparison, *files), context.out);
  }
}

}  // namespace infoplane::cli
