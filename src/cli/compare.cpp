#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <infoplane/sinks/comparison.hpp>
#include <memory>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/comparable_runs.hpp"
#include "cli/json.hpp"
#include "cli/load.hpp"
#include "cli/outputs.hpp"

namespace infoplane::cli {
namespace {

struct Arguments {
  RunChoice choice;
  std::string metric = "distance";
  bool json = false;
};

std::string with_error(const plane::Measured& measured) {
  return std::isfinite(measured.standard_error)
             ? fmt::format("{:.4f} ± {:.4f}", measured.value, measured.standard_error)
             : fmt::format("{:.4f}", measured.value);
}

void print_text(const sinks::Comparison& comparison, const std::vector<std::string>& names, std::ostream& out) {
  std::size_t width = 3;
  for (const auto& name : names) {
    width = std::max(width, name.size());
  }
  out << fmt::format("{} on {}, mean over the blocks, ± standard error\n", comparison.key, comparison.stream);
  out << fmt::format("{:>4}  {:<{}}  {:>8}  {:>17}  {:>10}  {:>12}  {:>10}  {:>8}  {:>9}  {}\n", "rank", "run", width,
                     "step", "value", "complexity", "expressivity", "optimality", "loss", "p", "against the best");
  for (std::size_t i = 0; i < comparison.ranking.size(); ++i) {
    const auto& ranked = comparison.ranking[i];
    const auto& run = comparison.runs[ranked.index];
    const bool tested = std::isfinite(ranked.p_value);
    out << fmt::format("{:>4}  {:<{}}  {:>8}  {:>17}  {:>10.4f}  {:>12.4f}  {:>10.4f}  {:>8.4f}  {:>9}  {}\n", i + 1,
                       names[ranked.index], width, run.step < 0 ? "-" : std::to_string(run.step),
                       with_error(run.metric), run.complexity, run.expressivity, run.optimality, run.loss,
                       tested ? fmt::format("{:.2g}", ranked.p_value) : "-", plane::to_string(ranked.verdict));
  }
  out << "p: two-sided, after Holm's correction; tied: not told apart from the best at 5 %; unknown: without standard "
         "errors in the file\n";
}

nlohmann::ordered_json to_json(const sinks::Comparison& comparison, const std::vector<std::string>& paths,
                               const std::vector<sinks::RunFile>& files) {
  nlohmann::ordered_json json{{"metric", comparison.key}, {"stream", comparison.stream}, {"ranking", {}}};
  json["ranking"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < comparison.ranking.size(); ++i) {
    const auto& ranked = comparison.ranking[i];
    const auto& run = comparison.runs[ranked.index];
    json["ranking"].push_back(
        {{"rank", i + 1},
         {"run", files[ranked.index].header.run},
         {"file", paths[ranked.index]},
         {"step", run.step < 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(run.step)},
         {"value", json_number(run.metric.value)},
         {"standard_error", json_number(run.metric.standard_error)},
         {"complexity", json_number(run.complexity)},
         {"expressivity", json_number(run.expressivity)},
         {"optimality", json_number(run.optimality)},
         {"loss", json_number(run.loss)},
         {"difference", json_number(ranked.difference)},
         {"difference_error", json_number(ranked.standard_error)},
         {"p_value", json_number(ranked.p_value)},
         {"verdict", plane::to_string(ranked.verdict)}});
  }
  return json;
}

void compare(const Arguments& arguments, Context& context) {
  require_apart(context, arguments.choice.runs);
  const auto files = arguments.choice.read(context, {arguments.metric});
  if (!files) {
    return;
  }
  const auto& paths = arguments.choice.runs;
  const auto comparison = sinks::compare(*files, arguments.choice.options(arguments.metric));
  if (arguments.json) {
    print_json(to_json(comparison, paths, *files), context.out);
  } else {
    print_text(comparison, run_names(*files, paths), context.out);
  }
}

}  // namespace

void add_compare(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  auto* command = program.add_subcommand("compare", "Ranks runs by how near they came to the bound");
  command->option_defaults()->always_capture_default();
  arguments->choice.add_to(*command, "Run files", "Step that is compared: last, best (of each run) or a number");
  command->add_option("--metric", arguments->metric,
                      "What is compared: distance, optimality, curve_gap, complexity, expressivity, or a key of the "
                      "points such as I(X;Z)/preference");
  command->add_flag("--json", arguments->json, "Print JSON");
  command->footer(
      "Ends with 1, and names the fields, where runs were measured with other anchors, m, d, ε or label sets, or gaps "
      "against\nother IB curves.\n"
      "Example: infoplane compare a.jsonl b.jsonl c.jsonl --metric optimality");
  command->callback([arguments, &context] { compare(*arguments, context); });
}

}  // namespace infoplane::cli
