// infoplane_stopping_table FOLDER: the table of docs/studies/stopping.md, from the run files that
// infoplane_stopping_study left. Of each family of rules the one is taken that does best on the runs of the choosing
// seeds; the table shows it on the others.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>
#include <map>
#include <tuple>

#include "rules.hpp"

namespace stopping_study {
namespace {

struct Family {
  Rule rule;
  Summary chosen;
};

/// With a margin: what just ends within 2 % on these runs will not on others.
bool better(const Summary& one, const Summary& other) {
  return std::tuple(one.within, one.with_margin, one.saved, -one.mean) >
         std::tuple(other.within, other.with_margin, other.saved, -other.mean);
}

void print_row(const std::string& name, const std::string& rule, const Summary& on) {
  fmt::print("| {} | {} | {}/{} | {} | {:.1f} / {:.1f} | {}/{} | {:.1f} / {:.1f} | {:.0f} |\n", name, rule, on.within,
             on.runs, on.fired, 100 * on.mean, 100 * on.worst, on.best_within, on.runs, 100 * on.best_mean,
             100 * on.best_worst, 100 * on.saved);
}

void print_head() {
  fmt::print(
      "| family | rule | ends within 2 % | fired | excess at the end, mean / worst % | its best step within 2 % "
      "| excess there, mean / worst % | steps saved % |\n");
  fmt::print("|---|---|---|---|---|---|---|---|\n");
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
  fmt::print("| (what could be known afterwards) | first point within 2 % | {0}/{0} | {0} | | | | {1:.0f} |\n\n",
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
    fmt::print("| {} | {:.3f}, {} | +{:.1f} %", trace.run.name(), trace.loss(trace.best), trace.points[trace.best].step,
               100 * trace.excess(trace.points.size() - 1));
    for (const auto& [name, family] : families) {
      const auto outcome = apply(family.rule, trace);
      fmt::print(" | {} +{:.1f}", outcome.fired ? std::to_string(trace.points[outcome.end].step) : "–",
                 100 * outcome.excess);
    }
    fmt::print(" |\n");
  }
  fmt::print("\n");
}

using Families = std::vector<std::pair<std::string, Family>>;

/// Of each family the rule that does best on the runs.
Families choose(const std::vector<Rule>& rules, const std::vector<Trace>& traces) {
  Families families;
  std::map<std::string, std::size_t> index;
  for (const auto& rule : rules) {
    const auto summary = summarise(rule, traces);
    const auto [found, added] = index.emplace(rule.family, families.size());
    if (added) {
      families.push_back({rule.family, {rule, summary}});
    } else if (better(summary, families[found->second].second.chosen)) {
      families[found->second].second = {rule, summary};
    }
  }
  return families;
}

/// Each run judged by the rules that do best on the runs of other texts.
void print_left_out(const std::vector<Rule>& rules, const std::vector<Trace>& traces) {
  std::vector<std::pair<std::string, Summary>> sums;
  for (const auto& trace : traces) {
    std::vector<Trace> others;
    std::copy_if(traces.begin(), traces.end(), std::back_inserter(others),
                 [&](const Trace& other) { return other.run.text() != trace.run.text(); });
    if (others.empty()) {
      return;
    }
    const auto families = choose(rules, others);
    sums.resize(families.size());
    for (std::size_t i = 0; i < families.size(); ++i) {
      if (families[i].first == kShipped) {
        continue;  // it was chosen once, on all of these
      }
      sums[i].first = families[i].first;
      sums[i].second.add(summarise(families[i].second.rule, {trace}));
    }
  }
  print_head();
  for (const auto& [name, summary] : sums) {
    if (!name.empty()) {
      print_row(name, "chosen anew for each text", summary);
    }
  }
  fmt::print("\n");
}

int table(const std::string& folder) {
  std::vector<Trace> choosing;
  std::vector<Trace> reported;
  for (const auto& run : all_runs(16)) {
    if (std::filesystem::exists(folder + "/" + run.name() + ".jsonl")) {
      (chooses(run.seed) ? choosing : reported).push_back(read_trace(run, folder));
    }
  }
  if (choosing.empty()) {
    fmt::print(stderr, "{} holds no run of an odd seed: run infoplane_stopping_study --out {} first\n", folder, folder);
    return 2;
  }
  const auto rules = all_rules();
  const auto families = choose(rules, choosing);
  fmt::print("### Runs of the choosing seeds\n\n");
  print_summary(families, choosing);
  if (!reported.empty()) {
    fmt::print("### Reported runs\n\n");
    print_summary(families, reported);
    fmt::print("### Where each rule ended the reported runs (step, loss above the best in %)\n\n");
    print_runs(families, reported);
  }
  fmt::print("### Runs of the choosing seeds, each text judged by rules chosen on the other texts\n\n");
  print_left_out(rules, choosing);
  fmt::print("### Where each rule ended the runs of the choosing seeds\n\n");
  print_runs(families, choosing);
  return 0;
}

}  // namespace
}  // namespace stopping_study

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: infoplane_stopping_table FOLDER\n");
    return 2;
  }
  try {
    return stopping_study::table(argv[1]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "infoplane_stopping_table: {}\n", error.what());
    return 1;
  }
}
