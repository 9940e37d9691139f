#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <infoplane/sinks/comparison.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/load.hpp"
#include "cli/program.hpp"

namespace infoplane::cli {
namespace {

struct Arguments {
  std::vector<std::string> runs;
  std::string metric = "distance";
  std::string order = "unigram";
  std::string stream;
  std::string at = "last";
  bool json = false;
};

sinks::ComparisonOptions options_of(const Arguments& arguments) {
  auto options = sinks::ComparisonOptions().metric(arguments.metric).order(arguments.order).stream(arguments.stream);
  if (arguments.at == "best") {
    options.at_best(true);
  } else if (arguments.at != "last") {
    options.step(std::stoll(arguments.at));
  }
  return options;
}

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

nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

void print_json(const sinks::Comparison& comparison, const Arguments& arguments,
                const std::vector<sinks::RunFile>& files, std::ostream& out) {
  nlohmann::ordered_json json{{"metric", comparison.key}, {"stream", comparison.stream}, {"ranking", {}}};
  json["ranking"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < comparison.ranking.size(); ++i) {
    const auto& ranked = comparison.ranking[i];
    const auto& run = comparison.runs[ranked.index];
    json["ranking"].push_back(
        {{"rank", i + 1},
         {"run", files[ranked.index].header.run},
         {"file", arguments.runs[ranked.index]},
         {"step", run.step < 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(run.step)},
         {"value", number(run.metric.value)},
         {"standard_error", number(run.metric.standard_error)},
         {"complexity", number(run.complexity)},
         {"expressivity", number(run.expressivity)},
         {"optimality", number(run.optimality)},
         {"loss", number(run.loss)},
         {"difference", number(ranked.difference)},
         {"difference_error", number(ranked.standard_error)},
         {"p_value", number(ranked.p_value)},
         {"verdict", plane::to_string(ranked.verdict)}});
  }
  out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void compare(const Arguments& arguments, Context& context) {
  const auto files = read_runs(arguments.runs);
  const auto obstacles = sinks::comparison_obstacles(files, arguments.runs);
  if (!obstacles.empty()) {
    tell_obstacles(obstacles, arguments.runs.front(), context.err);
    context.exit_code = kFindings;
    return;
  }
  const auto comparison = sinks::compare(files, options_of(arguments));
  if (arguments.json) {
    print_json(comparison, arguments, files, context.out);
  } else {
    print_text(comparison, run_names(files, arguments.runs), context.out);
  }
}

}  // namespace

void add_compare(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  auto* command = program.add_subcommand("compare", "Ranks runs by how near they came to the bound");
  command->option_defaults()->always_capture_default();
  command->add_option("RUN", arguments->runs, "Run files")->required();
  command->add_option("--metric", arguments->metric, "What is compared")
      ->check(CLI::IsMember({"distance", "optimality", "curve_gap", "complexity", "expressivity"}));
  command->add_option("--order", arguments->order, "n-grams: unigram, bigram, …");
  command->add_option("--stream", arguments->stream, "Stream (default: held-out where all runs have it)");
  command->add_option("--at", arguments->at, "Step that is compared: last, best (of each run) or a number")
      ->check(CLI::IsMember({"last", "best"}) | CLI::NonNegativeNumber);
  command->add_flag("--json", arguments->json, "Print JSON");
  command->footer(
      "Ends with 1, and names the fields, where runs were measured with other anchors, m, d, ε or label sets.\n"
      "Example: infoplane compare a.jsonl b.jsonl c.jsonl --metric optimality");
  command->callback([arguments, &context] { compare(*arguments, context); });
}

}  // namespace infoplane::cli
