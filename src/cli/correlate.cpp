#include <fmt/format.h>

#include <cmath>
#include <infoplane/compare/score_correlation.hpp>
#include <ostream>
#include <set>

#include "cli/commands.hpp"
#include "cli/comparable_runs.hpp"
#include "cli/json.hpp"
#include "cli/load.hpp"
#include "cli/outputs.hpp"
#include "cli/score_table.hpp"
#include "core/text.hpp"

namespace infoplane::cli {
namespace {

/// The table's columns in the order of the runs.
std::vector<compare::Scores> scores_of_all(const RunChoice& choice, const std::vector<runs::RunFile>& files,
                                           const ScoreTable& table) {
  std::vector<std::string> names;
  names.reserve(files.size());
  for (const auto& file : files) {
    names.push_back(file.header.run);
  }
  const auto rows = rows_of(table, choice.runs, names);
  std::vector<compare::Scores> scores;
  for (const auto& name : table.scores) {
    auto& score = scores.emplace_back(compare::Scores{name, {}});
    for (const auto* row : rows) {
      const auto found = row->scores.find(name);
      score.values.push_back(found == row->scores.end() ? std::nan("") : found->second);
    }
  }
  return scores;
}

/// Two decimals, and more where they would make 1 of what is less.
std::string coefficient(double value) {
  auto out = fmt::format("{:+.2f}", value);
  for (int decimals = 3; std::abs(value) < 1 && out.substr(1, 2) == "1." && decimals <= 6; ++decimals) {
    out = fmt::format("{:+.{}f}", value, decimals);
  }
  return out;
}

std::string shown(const plane::Correlation& found) {
  if (std::isnan(found.value)) {
    return found.count < 3 ? "undefined: too few runs" : "undefined: all the same";
  }
  const auto interval = std::isnan(found.low) ? std::string("too few runs")
                                              : fmt::format("{}, {}", coefficient(found.low), coefficient(found.high));
  return fmt::format("{} [{}] p {:.2g}", coefficient(found.value), interval, found.p_value);
}

nlohmann::ordered_json to_json(const plane::Correlation& found) {
  nlohmann::ordered_json json{{"value", json_number(found.value)},
                              {"low", json_number(found.low)},
                              {"high", json_number(found.high)},
                              {"p_value", json_number(found.p_value)},
                              {"p_exact", found.exact}};
  if (!found.reason.empty()) {
    json["reason"] = found.reason;
  }
  return json;
}

nlohmann::ordered_json to_json(const compare::ScoreCorrelation& line, const std::vector<std::string>& paths,
                               const std::vector<std::string>& notes) {
  nlohmann::ordered_json json{{"metric", line.key},
                              {"plug_in", line.plug_in},
                              {"score", line.score},
                              {"runs", line.pearson.count},
                              {"pearson", to_json(line.pearson)},
                              {"spearman", to_json(line.spearman)},
                              {"left_out", nlohmann::ordered_json::array()},
                              {"notes", notes}};
  for (const auto& each : line.left_out) {
    json["left_out"].push_back({{"file", paths[each.run]}, {"reason", each.reason}});
  }
  return json;
}

void print_text(const std::vector<compare::ScoreCorrelation>& lines, const std::vector<std::string>& names,
                const std::vector<std::string>& notes, std::ostream& out) {
  constexpr std::size_t kMetric = 32, kScore = 16, kCoefficient = 34;
  const auto row = [&out](const std::string& metric, const std::string& score, const std::string& count,
                          const std::string& pearson, const std::string& spearman) {
    out << text::padded(metric, kMetric) << "  " << text::padded(score, kScore) << "  " << text::padded_left(count, 4)
        << "  " << text::padded(pearson, kCoefficient) << "  " << spearman << '\n';
  };
  row("metric", "score", "runs", "Pearson r [95 %]", "Spearman ρ [95 %]");
  for (const auto& line : lines) {
    const plane::ShownMetric metric{line.key, line.plug_in};
    row(text::printable(metric.label(line.key)), text::printable(line.score), std::to_string(line.pearson.count),
        shown(line.pearson), shown(line.spearman));
  }
  std::set<std::string> told;  // most lines leave out the same runs
  for (const auto& line : lines) {
    for (const auto& each : line.left_out) {
      const auto what = each.reason == "no score" ? line.score : line.key;
      const auto text = text::printable(names[each.run] + ", " + what + ": " + each.reason);
      if (told.insert(text).second) {
        out << "left out: " << text << '\n';
      }
    }
  }
  for (const auto& note : notes) {
    out << "note: " << text::printable(note) << '\n';
  }
  out << fmt::format(
      "p of each line by itself; {} lines were looked at. p counts all orders of up to {} runs, and is Student's t for "
      "more\n",
      lines.size(), plane::kMostForExact);
}

}  // namespace

void correlate(const CorrelateArguments& arguments, Context& context) {
  require_apart(context, arguments.choice.runs);
  require_apart(context, {arguments.scores});
  const auto table = read_scores(arguments.scores);
  const auto files = arguments.choice.read(context, arguments.metrics);
  if (!files) {
    return;
  }
  const auto& paths = arguments.choice.runs;
  const auto lines = compare::correlate(
      *files, scores_of_all(arguments.choice, *files, table),
      compare::CorrelationOptions().metrics(arguments.metrics).points(arguments.choice.options("distance")));
  const auto notes = compare::comparison_notes(*files, paths);
  if (!arguments.json) {
    print_text(lines, run_names(*files, paths), notes, context.out);
    return;
  }
  auto json = nlohmann::ordered_json::array();
  for (const auto& line : lines) {
    json.push_back(to_json(line, paths, notes));
  }
  print_json(json, context.out);
}

}  // namespace infoplane::cli
