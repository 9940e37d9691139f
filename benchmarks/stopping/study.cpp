// infoplane_stopping_study: trains the small transformers of the study and keeps a run file of each. Runs that are
// complete are passed over, so it can be ended and started again.
//
//   OMP_NUM_THREADS=1 infoplane_stopping_study --out build/stopping
//   infoplane_stopping_table build/stopping > docs/studies/stopping.md
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <map>

#include "corpora.hpp"
#include "train_run.hpp"

namespace stopping_study {
namespace {

struct Settings {
  TrainSettings train;
  std::uint64_t seeds = 4;
  std::int64_t most = 1'000'000;
  std::int64_t part = 0;
  std::int64_t parts = 1;
};

int study(const Settings& settings) {
  at::set_num_threads(1);
  std::filesystem::create_directories(settings.train.out);
  std::map<std::string, train_text::Text> corpora;
  std::int64_t trained = 0;
  std::int64_t index = 0;
  for (const auto& run : all_runs(settings.seeds)) {
    if (index++ % settings.parts != settings.part || trained == settings.most || complete(run, settings.train)) {
      continue;
    }
    if (corpora.count(run.corpus) == 0) {
      corpora.emplace(run.corpus, load_corpus(run.corpus));
    }
    const auto start = std::chrono::steady_clock::now();
    const auto text = train_text::cut(corpora.at(run.corpus), run.bytes);
    train_run(run, text, settings.train);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%s: %zu bytes, %.0f s\n", run.name().c_str(), text.train.size(), seconds.count());
    std::fflush(stdout);
    ++trained;
  }
  return 0;
}

}  // namespace
}  // namespace stopping_study

int main(int argc, char** argv) {
  stopping_study::Settings settings;
  CLI::App app("Trains the runs that docs/studies/stopping.md reports on.", "infoplane_stopping_study");
  app.add_option("--out", settings.train.out, "Folder of the run files")->capture_default_str();
  app.add_option("--steps", settings.train.steps, "Optimizer steps of each run (default: those of the grid)");
  app.add_option("--every", settings.train.every, "Steps between two points")->capture_default_str();
  app.add_option("--seeds", settings.seeds, "How many seeds")->capture_default_str();
  app.add_option("--most", settings.most, "End after so many runs")->capture_default_str();
  app.add_option("--part", settings.part, "Which of the parts to train, from 0")->capture_default_str();
  app.add_option("--parts", settings.parts, "Deals the runs to so many processes")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    return stopping_study::study(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "infoplane_stopping_study: %s\n", error.what());
    return 1;
  }
}
