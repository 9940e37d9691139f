// infoplane_stopping_readme: the loop of the README, with default options, on small trainings on real text and on
// Markov text, judged by their held-out loss. Ends with 1 if the rule ended a run whose held-out loss still improved by
// more than its noise, or called the untrained step the best.
//
//   OMP_NUM_THREADS=1 infoplane_stopping_readme --seeds 4   # the tables of docs/studies/stopping.md
//   OMP_NUM_THREADS=1 infoplane_stopping_readme --small --out build/readme_runs_small   # two runs, a minute
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "readme_judge.hpp"

namespace stopping_study {
namespace {

using infoplane::EarlyStoppingOptions;

struct Settings {
  std::string out = "build/readme_runs";
  std::vector<std::uint64_t> seeds = {4};
  bool small = false;
};

/// The rules that have to stand the check, then those that show what it finds.
std::vector<ReadmeRule> readme_rules() {
  const auto patient = EarlyStoppingOptions().patience(5).min_delta(1e-3);
  return {{"default options, as in the README", EarlyStoppingOptions(), false},
          {"the same with `validation_loss` fed", EarlyStoppingOptions(), true},
          {"`patience(5).min_delta(1e-3)`, no monitor named", patient, false},
          {"patience 5, min_delta 0.001 on the plug-in `distance/unigram`",
           EarlyStoppingOptions(patient).monitor("distance/unigram"), false},
          {"the same on `distance/unigram/corrected`",
           EarlyStoppingOptions(patient).monitor("distance/unigram/corrected"), false},
          {"the same on `loss`", EarlyStoppingOptions(patient).monitor("loss"), false}};
}
constexpr std::size_t kChecked = 3;

std::vector<ReadmeTrace> traces(const Settings& settings) {
  std::vector<ReadmeRun> runs = settings.small ? small_readme_runs() : std::vector<ReadmeRun>();
  for (const auto seed : settings.small ? std::vector<std::uint64_t>() : settings.seeds) {
    const auto more = readme_runs(seed);
    runs.insert(runs.end(), more.begin(), more.end());
  }
  std::filesystem::create_directories(settings.out);
  std::vector<ReadmeTrace> read;
  for (const auto& run : runs) {
    if (settings.small || !std::filesystem::exists(settings.out + "/" + run.name() + ".jsonl")) {
      const auto start = std::chrono::steady_clock::now();
      train_readme_run(run, settings.out);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      fmt::print(stderr, "{}: {:.0f} s\n", run.name(), seconds.count());
    }
    read.push_back(read_readme_trace(run, settings.out));
  }
  return read;
}

void print_runs(const ReadmeRule& rule, const std::vector<ReadmeTrace>& traces) {
  fmt::print("### {}\n\n", rule.name);
  fmt::print(
      "| run | tokens a logged step | steps | ended at | reason | best step | held-out loss there | at the end | "
      "lowest from there on | noise | verdict |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const auto& trace : traces) {
    const auto verdict = judge(rule, trace);
    fmt::print("| {} | {} | {} | {} | {} | {} | {:.3f} | {:.3f} | {:.3f} | {:.3f} | {} |\n", trace.run.name(),
               trace.run.tokens(), trace.run.steps, verdict.end ? std::to_string(*verdict.end) : "–",
               verdict.end ? verdict.reason : "–", verdict.best, verdict.at_best, verdict.at_end, verdict.reached,
               verdict.noise,
               verdict.too_early() ? "**too early**"
               : verdict.untrained ? "**untrained best**"
               : verdict.end       ? "nothing lost"
                                   : "not ended");
  }
  fmt::print("\n");
}

/// Whether all rules that are checked stand.
bool print_summary(const std::vector<ReadmeRule>& rules, const std::vector<ReadmeTrace>& traces) {
  fmt::print(
      "### All rules\n\n| rule | runs | ended | too early | untrained step called best | worst loss of an end % |\n"
      "|---|---|---|---|---|---|\n");
  bool stand = true;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    int ended = 0, early = 0, untrained = 0, standing = 0;
    double worst = 0;
    for (const auto& trace : traces) {
      const auto verdict = judge(rules[i], trace);
      ended += verdict.end ? 1 : 0;
      early += verdict.too_early() ? 1 : 0;
      untrained += verdict.untrained ? 1 : 0;
      standing += verdict.stands() ? 1 : 0;
      worst = std::max(worst, verdict.at_end / verdict.reached - 1);
    }
    stand = stand && (i >= kChecked || static_cast<std::size_t>(standing) == traces.size());
    fmt::print("| {} | {} | {} | {} | {} | {:.1f} |\n", rules[i].name, traces.size(), ended, early, untrained,
               100 * worst);
  }
  return stand;
}

int study(const Settings& settings) {
  at::set_num_threads(1);
  const auto read = traces(settings);
  const auto rules = readme_rules();
  print_runs(rules[0], read);
  print_runs(rules[1], read);
  return print_summary(rules, read) ? 0 : 1;
}

}  // namespace
}  // namespace stopping_study

int main(int argc, char** argv) {
  stopping_study::Settings settings;
  CLI::App app("Does the loop of the README end a run too early?", "infoplane_stopping_readme");
  app.add_option("--out", settings.out, "Folder of the run files; runs that are there are not trained again")
      ->capture_default_str();
  app.add_option("--seeds", settings.seeds,
                 "Seeds of the runs: 3 was chosen on, 4 is reported; 1 and 2 were looked at before")
      ->capture_default_str();
  app.add_flag("--small", settings.small, "Two short runs, trained anew");
  CLI11_PARSE(app, argc, argv);
  try {
    return stopping_study::study(settings);
  } catch (const std::exception& error) {
    fmt::print(stderr, "infoplane_stopping_readme: {}\n", error.what());
    return 2;
  }
}
