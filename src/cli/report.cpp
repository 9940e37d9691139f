#include <filesystem>
#include <infoplane/report/bounds_table.hpp>
#include <infoplane/report/figures.hpp>
#include <ostream>

#include "cli/check.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/load.hpp"
#include "cli/outputs.hpp"
#include "core/text.hpp"

namespace infoplane::cli {
namespace {

std::string drawn(const ReportArguments& arguments, const std::vector<report::ReportRun>& runs) {
  if (arguments.figure.empty()) {
    return report::html_report(runs, report::ReportOptions().title(arguments.title).max_steps(arguments.max_steps));
  }
  const auto options = report::FigureOptions()
                           .order(arguments.order)
                           .split(arguments.split)
                           .max_steps(arguments.max_steps)
                           .metric(arguments.metric);
  if (arguments.figure == "plane") {
    return report::plane_svg(runs.front(), options);
  }
  return arguments.figure == "steps" ? report::steps_svg(runs.front(), options)
                                     : report::layers_svg(runs.front(), options);
}

/// Where the drawing goes: beside the first run where no other path was given.
std::string output_of(const ReportArguments& arguments) {
  if (!arguments.output.empty()) {
    return arguments.output;
  }
  const auto ending = arguments.figure.empty() ? ".html" : "." + arguments.figure + ".svg";
  auto output = std::filesystem::path(arguments.runs.front()).replace_extension(ending).string();
  return output == arguments.runs.front() ? output + ending : output;
}

}  // namespace

void bounds_tables(const ReportArguments& arguments, Context& context) {
  const std::vector<CurveFile> curves(arguments.curves.begin(), arguments.curves.end());
  const auto options = report::PlaneTableOptions().order(arguments.order).max_rows(arguments.max_steps);
  for (const auto& path : arguments.runs) {
    const auto run = load_run(path, arguments.rule, curves);
    context.out << (arguments.runs.size() > 1 ? text::printable(run.file.header.run + " (" + path + ")") + "\n" : "")
                << report::bounds_table(run.file, options);
  }
}

void report(const ReportArguments& arguments, Context& context) {
  const std::vector<CurveFile> curves(arguments.curves.begin(), arguments.curves.end());
  const auto output = output_of(arguments);
  auto inputs = arguments.runs;
  for (const auto& curve : curves) {
    inputs.push_back(curve.path);
  }
  require_apart(context, Output{output, arguments.figure.empty() ? "page" : "figure"}, inputs);
  std::vector<report::ReportRun> runs;
  for (const auto& path : arguments.runs) {
    runs.push_back(load_run(path, arguments.rule, curves));
  }
  write_text(output, drawn(arguments, runs), context.out);
  if (arguments.json) {
    auto json = nlohmann::ordered_json{
        {"output", output}, {"notes", report::report_notes(runs)}, {"runs", nlohmann::ordered_json::array()}};
    for (const auto& run : runs) {
      const auto best = run.best_step ? run.best_step : report::best_step_of(run.file, arguments.order);
      nlohmann::ordered_json each{{"run", run.file.header.run},
                                  {"file", run.source},
                                  {"best_step", nullptr},
                                  {"stop_step", nullptr},
                                  {"summary", report::run_summary(run, arguments.order)}};
      if (best) {
        each["best_step"] = *best;
      }
      if (run.stop_step) {
        each["stop_step"] = *run.stop_step;
      }
      json["runs"].push_back(std::move(each));
    }
    print_json(json, context.out);
  } else if (output != "-") {
    context.out << text::printable(output) << '\n';
  }
}

}  // namespace infoplane::cli
