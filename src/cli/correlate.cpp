#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <filesystem>
#include <infoplane/core/error.hpp>
#include <infoplane/sinks/score_correlation.hpp>
#include <memory>
#include <ostream>

#include "cli/commands.hpp"
#include "cli/comparable_runs.hpp"
#include "cli/json.hpp"
#include "cli/outputs.hpp"
#include "cli/score_table.hpp"

namespace infoplane::cli {
namespace {

struct Arguments {
  std::string scores;
  RunChoice choice;
  std::vector<std::string> metrics;
  bool json = false;
};

/// Scores of the run by its name, its path, its file's name, or that without its ending.
const std::map<std::string, double>* scores_of(const ScoreTable& table, const std::string& name,
                                               const std::string& path) {
  const std::filesystem::path file(path);
  for (const auto& key : {path, file.filename().string(), file.stem().string(), name}) {
    const auto found = table.runs.find(key);
    if (found != table.runs.end()) {
      return &found->second;
    }
  }
  return nullptr;
}

/// The table's columns in the order of the runs.
std::vector<sinks::Scores> scores_of_all(const Arguments& arguments, const std::vector<sinks::RunFile>& files,
                                         const ScoreTable& table) {
  std::vector<sinks::Scores> scores;
  for (const auto& name : table.scores) {
    scores.push_back({name, {}});
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto* of_run = scores_of(table, files[i].header.run, arguments.choice.runs[i]);
    if (of_run == nullptr) {
      std::vector<std::string> names;
      for (const auto& [name, values] : table.runs) {
        names.push_back(name);
      }
      INFOPLANE_THROW(IoError, arguments.scores, " has no scores of ", arguments.choice.runs[i], " (run \"",
                      files[i].header.run, "\"); it has those of ", detail::join(names));
    }
    for (auto& score : scores) {
      const auto found = of_run->find(score.name);
      score.values.push_back(found == of_run->end() ? std::nan("") : found->second);
    }
  }
  return scores;
}

std::string shown(const plane::Correlation& found) {
  return std::isnan(found.value)
             ? "undefined"
             : fmt::format("{:+.2f} [{:+.2f}, {:+.2f}] p {:.2g}", found.value, found.low, found.high, found.p_value);
}

nlohmann::ordered_json to_json(const plane::Correlation& found) {
  return {{"value", json_number(found.value)},
          {"low", json_number(found.low)},
          {"high", json_number(found.high)},
          {"p_value", json_number(found.p_value)}};
}

void correlate(const Arguments& arguments, Context& context) {
  require_apart(context, arguments.choice.runs);
  require_apart(context, {arguments.scores});
  const auto table = read_scores(arguments.scores);
  const auto files = arguments.choice.read(context, arguments.metrics);
  if (!files) {
    return;
  }
  const auto lines = sinks::correlate(
      *files, scores_of_all(arguments, *files, table),
      sinks::CorrelationOptions().metrics(arguments.metrics).points(arguments.choice.options("distance")));
  if (arguments.json) {
    auto json = nlohmann::ordered_json::array();
    for (const auto& line : lines) {
      json.push_back({{"metric", line.key},
                      {"score", line.score},
                      {"runs", line.pearson.count},
                      {"pearson", to_json(line.pearson)},
                      {"spearman", to_json(line.spearman)}});
    }
    print_json(json, context.out);
    return;
  }
  context.out << fmt::format("{:<32}  {:<16}  {:>4}  {:<34}  {}\n", "metric", "score", "runs", "Pearson r [95 %]",
                             "Spearman ρ [95 %]");
  for (const auto& line : lines) {
    context.out << fmt::format("{:<32}  {:<16}  {:>4}  {:<34}  {}\n", line.key, line.score, line.pearson.count,
                               shown(line.pearson), shown(line.spearman));
  }
  context.out << fmt::format("p of each line by itself; {} lines were looked at\n", lines.size());
}

}  // namespace

void add_correlate(CLI::App& program, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  auto* command = program.add_subcommand("correlate", "Correlates runs' places on the plane with benchmark scores");
  command->option_defaults()->always_capture_default();
  command->add_option("SCORES", arguments->scores, "Table of scores: CSV \"run,score,…\" or JSON")->required();
  arguments->choice.add_to(*command, "Run files, found in the table by run name or file name",
                           "Step that is taken: last, best (of each run) or a number");
  command
      ->add_option("--metric", arguments->metrics,
                   "What is correlated, once for each: complexity, expressivity, optimality, distance or curve_gap "
                   "(default: these, the last where all runs have it), or a key of the points such as "
                   "I(X;Z)/preference")
      ->allow_extra_args(false);
  command->add_flag("--json", arguments->json, "Print JSON");
  command->footer(
      "Example: infoplane correlate scores.csv a.jsonl b.jsonl c.jsonl d.jsonl\n"
      "         where scores.csv holds\n"
      "             run,mmlu\n"
      "             a,0.31\n"
      "             b,0.42\n"
      "         infoplane correlate scores.csv *.jsonl --metric \"I(X;Z)/preference\" --metric optimality");
  command->callback([arguments, &context] { correlate(*arguments, context); });
}

}  // namespace infoplane::cli
