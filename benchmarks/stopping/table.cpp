// infoplane_stopping_table FOLDER: the tables of docs/studies/stopping.md, from the run files that
// infoplane_stopping_study left. Of each family of rules the one is taken that does best on the runs of the choosing
// seeds; the table shows it on the others.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "rules.hpp"

namespace stopping_study {
namespace {

struct Family {
  Rule rule;
  Summary chosen;
};

/// What is asked of a rule: nine of ten runs end within 2 %, and none while the loss falls; of those that can do it,
/// the one that saves most.
bool better(const Summary& one, const Summary& other) {
  const auto order = [](const Summary& on) {
    const bool enough = 10 * on.within >= 9 * on.runs;
    return std::tuple(enough ? on.runs : on.within, -static_cast<std::int64_t>(on.too_early), on.saved, -on.mean);
  };
  return order(one) > order(other);
}

void print_row(const std::string& name, const std::string& rule, const Summary& on) {
  fmt::print("| {} | {} | {}/{} | {} | {} | {} | {:.1f} / {:.1f} | {}/{} | {:.1f} / {:.1f} | {:.0f} |\n", name, rule,
             on.within, on.runs, on.fired, on.too_early, on.missed, 100 * on.mean, 100 * on.worst, on.best_within,
             on.runs, 100 * on.best_mean, 100 * on.best_worst, 100 * on.saved);
}

void print_head() {
  fmt::print(
      "| family | rule | ends within 2 % | ended | while the loss fell | below its best | excess at the end, mean / "
      "worst % | its best "
      "step within 2 % | excess there, mean / worst % | steps saved % |\n");
  fmt::print("|---|---|---|---|---|---|---|---|---|---|\n");
}

void print_summary(const std::vector<std::pair<std::string, Family>>& families, const std::vector<Trace>& traces) {
  print_head();
  for (const auto& [name, family] : families) {
    print_row(name, family.rule.description, summarise(family.rule, traces));
  }
  const auto never = infoplane::EarlyStoppingOptions()
                         .split("heldout")
                         .monitor("validation_loss")
                         .min_delta(0)
                         .patience(infoplane::callbacks::kEndless);
  print_row("(no rule)", "to the last step; best: the lowest loss", summarise({"", "", never}, traces));
  double possible = 0;
  for (const auto& trace : traces) {
    possible +=
        (1 - static_cast<double>(trace.points[trace.earliest()].step) / static_cast<double>(trace.points.back().step)) /
        static_cast<double>(traces.size());
  }
  fmt::print("| (what could be known afterwards) | first point within 2 % | {0}/{0} | {0} | | | | | | {1:.0f} |\n\n",
             traces.size(), 100 * possible);
}

void print_runs(const std::vector<std::pair<std::string, Family>>& families, const std::vector<Trace>& traces) {
  fmt::print("| run | best loss, step | last loss");
  for (const auto& [name, family] : families) {
    fmt::print(" | {}", name);
  }
  fmt::print(" |\n|---|---|---");
  for (std::size_t i = 0; i < families.size(); ++i) {
    fmt::print("|---");
  }
  fmt::print("|\n");
  for (const auto& trace : traces) {
    fmt::print("| {} | {:.3f}, {} | +{:.1f} %", trace.name(), trace.loss(trace.best), trace.points[trace.best].step,
               100 * trace.excess(trace.points.size() - 1));
    for (const auto& [name, family] : families) {
      const auto outcome = apply(family.rule, trace);
      fmt::print(" | {} +{:.1f}{}", outcome.fired ? std::to_string(trace.points[outcome.end].step) : "–",
                 100 * outcome.excess, outcome.too_early ? " falling" : "");
    }
    fmt::print(" |\n");
  }
  fmt::print("\n");
}

std::vector<Trace> of(const std::vector<Trace>& traces, const std::function<bool(const Trace&)>& wanted) {
  std::vector<Trace> some;
  std::copy_if(traces.begin(), traces.end(), std::back_inserter(some), wanted);
  return some;
}

using Families = std::vector<std::pair<std::string, Family>>;

/// Every rule on every run: [rules][traces].
std::vector<std::vector<Outcome>> apply_all(const std::vector<Rule>& rules, const std::vector<Trace>& traces) {
  std::vector<std::vector<Outcome>> outcomes;
  for (const auto& rule : rules) {
    auto& row = outcomes.emplace_back();
    std::transform(traces.begin(), traces.end(), std::back_inserter(row),
                   [&](const Trace& trace) { return apply(rule, trace); });
  }
  return outcomes;
}

/// Of each family the rule that does best on the runs that are wanted.
Families choose(const std::vector<Rule>& rules, const std::vector<std::vector<Outcome>>& outcomes,
                const std::function<bool(std::size_t)>& wanted) {
  Families families;
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    Summary summary;
    for (std::size_t j = 0; j < outcomes[i].size(); ++j) {
      if (wanted(j)) {
        summary.add(summary_of(outcomes[i][j]));
      }
    }
    const auto [found, added] = index.emplace(rules[i].family, families.size());
    if (added) {
      families.push_back({rules[i].family, {rules[i], summary}});
    } else if (better(summary, families[found->second].second.chosen)) {
      families[found->second].second = {rules[i], summary};
    }
  }
  return families;
}

/// The runs of each text judged by the rules that do best on the runs of other texts.
void print_left_out(const std::vector<Rule>& rules, const std::vector<Trace>& traces,
                    const std::vector<std::vector<Outcome>>& outcomes) {
  std::set<std::string> texts;
  std::transform(traces.begin(), traces.end(), std::inserter(texts, texts.end()),
                 [](const Trace& trace) { return trace.run.text(); });
  if (texts.size() < 2) {
    return;
  }
  std::vector<std::pair<std::string, Summary>> sums;
  for (const auto& text : texts) {
    const auto families = choose(rules, outcomes, [&](std::size_t j) { return traces[j].run.text() != text; });
    sums.resize(families.size());
    for (std::size_t i = 0; i < families.size(); ++i) {
      sums[i].first = families[i].first;
      sums[i].second.add(
          summarise(families[i].second.rule, of(traces, [&](const Trace& trace) { return trace.run.text() == text; })));
    }
  }
  print_head();
  for (const auto& [name, summary] : sums) {
    if (name != kShipped && name != kDefault) {  // chosen once, on all of these
      print_row(name, "chosen anew for each text", summary);
    }
  }
  fmt::print("\n");
}

/// The rows whose runs are listed one by one: what is shipped, and some of the others.
Families listed(const Families& families, const std::vector<std::string>& names) {
  Families some;
  std::copy_if(families.begin(), families.end(), std::back_inserter(some), [&](const auto& family) {
    return family.first == kShipped || family.first == kDefault ||
           std::find(names.begin(), names.end(), family.first) != names.end();
  });
  return some;
}

/// Schedules and yardsticks apart, for the rules that are listed.
void print_kinds(const Families& families, const std::vector<Trace>& traces) {
  for (const auto yardstick : {Yardstick::kWeights, Yardstick::kAveraged}) {
    for (const bool cosine : {false, true}) {
      fmt::print("{} rate, loss of {}\n\n", cosine ? "Cosine" : "Constant",
                 yardstick == Yardstick::kWeights ? "the weights" : "the averaged weights");
      print_summary(families, of(traces, [&](const Trace& trace) {
                      return trace.run.cosine == cosine && trace.yardstick == yardstick;
                    }));
    }
  }
}

int table(const std::string& folder, bool with_reported, const std::vector<std::string>& names) {
  std::vector<Trace> choosing;
  std::vector<Trace> reported;
  for (const auto& run : all_runs(16)) {
    if ((chooses(run.seed) || with_reported) && std::filesystem::exists(folder + "/" + run.name() + ".jsonl")) {
      for (auto& trace : read_traces(run, folder)) {
        (chooses(run.seed) ? choosing : reported).push_back(std::move(trace));
      }
    }
  }
  if (choosing.empty()) {
    fmt::print(stderr, "{} holds no run of an odd seed: run infoplane_stopping_study --out {} first\n", folder, folder);
    return 2;
  }
  const auto rules = all_rules();
  const auto outcomes = apply_all(rules, choosing);
  const auto families = choose(rules, outcomes, [](std::size_t) { return true; });
  const auto few = listed(families, names);
  fmt::print("### Runs of the choosing seeds\n\n");
  print_summary(families, choosing);
  fmt::print("### Runs of the choosing seeds, each text judged by rules chosen on the other texts\n\n");
  print_left_out(rules, choosing, outcomes);
  if (!reported.empty()) {
    fmt::print("### Reported runs\n\n");
    print_summary(families, reported);
    fmt::print("### Reported runs by schedule and yardstick\n\n");
    print_kinds(few, reported);
    fmt::print("### Where each rule ended the reported runs (step, loss above the best in %)\n\n");
    print_runs(few, reported);
  }
  fmt::print("### Where each rule ended the runs of the choosing seeds\n\n");
  print_runs(few, choosing);
  return 0;
}

}  // namespace
}  // namespace stopping_study

int main(int argc, char** argv) {
  std::string folder;
  bool choosing_only = false;
  std::vector<std::string> names{"validation loss", "distance", "efficiency", "RankMe"};
  CLI::App app("The tables of docs/studies/stopping.md", "infoplane_stopping_table");
  app.add_option("folder", folder, "Where infoplane_stopping_study left its runs")->required();
  app.add_flag("--choosing", choosing_only, "Leaves the reported runs alone, as while rules are being chosen");
  app.add_option("--list", names, "Families whose runs are listed, beside what is shipped")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return stopping_study::table(folder, !choosing_only, names);
  } catch (const std::exception& error) {
    fmt::print(stderr, "infoplane_stopping_table: {}\n", error.what());
    return 1;
  }
}
