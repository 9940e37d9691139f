#include <CLI/CLI.hpp>
#include <filesystem>
#include <infoplane/report/figures.hpp>
#include <memory>
#include <ostream>

#include "cli/check.hpp"
#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/load.hpp"
#include "cli/options.hpp"
#include "cli/outputs.hpp"
#include "core/text.hpp"

namespace infoplane::cli {
namespace {

struct Arguments {
  std::vector<std::string> runs;
  std::string output;
  std::string figure;
  std::string order = "unigram";
  std::string stream;
  std::string metric = "optimality";
  std::string title;
  std::int64_t max_steps = 200;
  std::vector<std::string> curves;
  Rule rule;
  bool json = false;
  bool only_check = false;  ///< draws nothing
  CheckOptions check;
};

std::string drawn(const Arguments& arguments, const std::vector<report::ReportRun>& runs) {
  if (arguments.figure.empty()) {
    return report::html_report(runs, report::ReportOptions().title(arguments.title).max_steps(arguments.max_steps));
  }
  const auto options = report::FigureOptions()
                           .order(arguments.order)
                           .stream(arguments.stream)
                           .max_steps(arguments.max_steps)
                           .metric(arguments.metric);
  if (arguments.figure == "plane") {
    return report::plane_svg(runs.front(), options);
  }
  return arguments.figure == "steps" ? report::steps_svg(runs.front(), options)
                                     : report::layers_svg(runs.front(), options);
}

/// Where the drawing goes: beside the first run where no other path was given.
std::string output_of(const Arguments& arguments) {
  if (!arguments.output.empty()) {
    return arguments.output;
  }
  const auto ending = arguments.figure.empty() ? ".html" : "." + arguments.figure + ".svg";
  auto output = std::filesystem::path(arguments.runs.front()).replace_extension(ending).string();
  return output == arguments.runs.front() ? output + ending : output;
}

void report(const Arguments& arguments, Context& context) {
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

}  // namespace

void add_report(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  auto* command = program.add_subcommand("report", "Draws runs as one HTML page, or a figure of a run as SVG");
  command->option_defaults()->always_capture_default();
  command->add_option("RUN", arguments->runs, "Run files, as JsonLinesSink writes them")->required();
  auto* output = command->add_option("-o,--output", arguments->output,
                                     "File to write; \"-\" is the standard output (default: beside the first run)");
  auto* figure =
      command->add_option("--figure", arguments->figure, "One figure of one run as SVG instead: plane, steps or layers")
          ->check(CLI::IsMember({"plane", "steps", "layers"}));
  command->add_option("--order", arguments->order, "n-grams of the figure: unigram, bigram, …");
  command->add_option("--stream", arguments->stream, "Stream of the figure (default: held-out if there is one)")
      ->needs(figure);
  command->add_option("--metric", arguments->metric, "What the layers figure shows")
      ->check(CLI::IsMember({"optimality", "complexity", "expressivity", "distance"}));
  command->add_option("--title", arguments->title, "Title of the page")->excludes(figure);
  add_number(*command, "--max-steps", arguments->max_steps, "Steps that a figure shows at most", {2});
  command
      ->add_option("--curve", arguments->curves,
                   "IB curve of the text, as \"bound\" writes it; ORDER=FILE for another order than unigram")
      ->allow_extra_args(false);
  add_number(*command, "--patience", arguments->rule.patience,
             "Stopping rule that is marked: checks without improvement (default: EarlyStopping::compression())", {1});
  add_number(*command, "--min-delta", arguments->rule.min_delta,
             "Stopping rule: what counts as an improvement of distance", {0});
  add_number(*command, "--start-from-step", arguments->rule.start_from_step,
             "Stopping rule: first step that it looks at", {0});
  add_flag(*command, "--json", arguments->json, "Print what happened in each run, or what is wrong, as JSON");
  auto* check = add_flag(*command, "--check", arguments->only_check,
                         "Draw nothing: say what is wrong in which line, and end with 1 where a file has an error")
                    ->excludes(output)
                    ->excludes(figure);
  add_number(*command, "--most", arguments->check.most, "Findings shown of each file at most", {1})->needs(check);
  add_flag(*command, "--strict", arguments->check.strict, "Warnings end with 1 too")->needs(check);
  command->footer(
      "Example: infoplane report run.jsonl -o report.html\n"
      "         infoplane report a.jsonl b.jsonl -o both.html\n"
      "         infoplane report run.jsonl --curve text.curve.json\n"
      "         infoplane report run.jsonl --figure plane -o plane.svg\n"
      "         infoplane report run.jsonl --check");
  command->callback([arguments, output, figure, &context] {
    if (arguments->only_check) {
      arguments->check.json = arguments->json;
      check_runs(arguments->runs, arguments->check, context);
      return;
    }
    if (figure->count() > 0 && arguments->runs.size() != 1) {
      throw CLI::ValidationError("--figure", "draws one run, not " + std::to_string(arguments->runs.size()));
    }
    arguments->output = as_output(context, arguments->output);
    if (arguments->json && arguments->output == "-") {
      throw CLI::ValidationError("--json", "and " + output->get_name() + " - would mix on the standard output");
    }
    report(*arguments, context);
  });
}

}  // namespace infoplane::cli
