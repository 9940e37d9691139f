// infoplane_stopping_table FOLDER: the table of docs/stopping.md, from the run files that infoplane_stopping_study
// left. Of each family of rules the one is taken that does best on the runs of the choosing seed; the table shows it on
// the others.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <filesystem>
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
  fmt::print("| {} | {} | {}/{} | {} | {:.1f} / {:.1f} | {:.1f} / {:.1f} | {:.0f} |\n", name, rule, on.within, on.runs,
             on.fired, 100 * on.mean, 100 * on.worst, 100 * on.best_mean, 100 * on.best_worst, 100 * on.saved);
}

void print_summary(const std::vector<std::pair<std::string, Family>>& families, const std::vector<Trace>& traces) {
  fmt::print(
      "| family | rule | within 2 % | fired | excess at the end, mean / worst % | at its best step % | steps saved % "
      "|\n");
  fmt::print("|---|---|---|---|---|---|---|\n");
  for (const auto& [name, family] : families) {
    print_row(name, family.rule.description, summarise(family.rule, traces));
  }
  double possible = 0;
  for (const auto& trace : traces) {
    possible +=
        (1 - static_cast<double>(trace.points[trace.earliest()].step) / static_cast<double>(trace.points.back().step)) /
        static_cast<double>(traces.size());
  }
  fmt::print("| (what could be known afterwards) | first point within 2 % | {0}/{0} | {0} | | | {1:.0f} |\n\n",
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

int table(const std::string& folder) {
  std::vector<Trace> choosing;
  std::vector<Trace> reported;
  for (const auto& run : all_runs(16)) {
    if (std::filesystem::exists(folder + "/" + run.name() + ".jsonl")) {
      (run.seed == kChoosingSeed ? choosing : reported).push_back(read_trace(run, folder));
    }
  }
  if (choosing.empty() || reported.empty()) {
    fmt::print(stderr, "{} holds {} runs to choose on and {} to report: run infoplane_stopping_study --out {} first\n",
               folder, choosing.size(), reported.size(), folder);
    return 2;
  }
  std::vector<std::pair<std::string, Family>> families;
  std::map<std::string, std::size_t> index;
  for (const auto& rule : all_rules()) {
    const auto summary = summarise(rule, choosing);
    const auto [found, added] = index.emplace(rule.family, families.size());
    if (added) {
      families.push_back({rule.family, {rule, summary}});
    } else if (better(summary, families[found->second].second.chosen)) {
      families[found->second].second = {rule, summary};
    }
  }
  fmt::print("### Runs of the choosing seed\n\n");
  print_summary(families, choosing);
  fmt::print("### Reported runs\n\n");
  print_summary(families, reported);
  fmt::print("### Where each rule ended the reported runs (step, loss above the best in %)\n\n");
  print_runs(families, reported);
  fmt::print("### The same for the runs of the choosing seed\n\n");
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
