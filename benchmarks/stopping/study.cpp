// infoplane_stopping_study: trains the small transformers of the study and keeps a run file of each, with the IB curve
// of each training text. Runs that are complete are passed over, so it can be ended and started again.
//
//   OMP_NUM_THREADS=1 infoplane_stopping_study --out build/stopping
//   infoplane_stopping_table build/stopping > docs/studies/stopping.md
#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/bound/joint_builder.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <map>

#include "corpora.hpp"
#include "grid.hpp"
#include "model.hpp"
#include "training.hpp"

namespace stopping_study {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBatch = 16;
constexpr std::int64_t kContext = 64;
constexpr std::int64_t kHeldoutRows = 256;
constexpr double kLearningRate = 4e-3;

struct Settings {
  std::string out = "build/stopping";
  std::int64_t steps = 0;  // of each run its own
  std::int64_t every = 30;
  std::int64_t window = 8;
  std::uint64_t seeds = 2;
  std::int64_t most = 1'000'000;
};

std::int64_t steps_of(const Run& run, const Settings& settings) {
  return settings.steps > 0 ? settings.steps : run.steps();
}

bool complete(const Run& run, const Settings& settings) {
  const auto file = fs::path(settings.out) / (run.name() + ".jsonl");
  if (!fs::exists(file) || fs::file_size(file) == 0) {
    return false;
  }
  const auto read = infoplane::read_run_file(file);
  return !read.points.empty() && read.points.back().step == steps_of(run, settings);
}

void solve_curve(const Run& run, const train_text::Text& text, const Settings& settings) {
  const auto file = fs::path(settings.out) / (run.text() + ".curve.json");
  if (fs::exists(file)) {
    return;
  }
  infoplane::bound::NgramJointBuilder builder(1, 1);
  builder.add(std::vector<std::int64_t>(text.train.begin(), text.train.end()));
  infoplane::bound::IbCurve::solve(builder.build()).save(file);
}

void train(const Run& run, const train_text::Text& text, const Settings& settings) {
  const auto file = fs::path(settings.out) / (run.name() + ".jsonl");
  const auto unfinished = fs::path(settings.out) / "unfinished" / file.filename();
  fs::create_directories(unfinished.parent_path());
  train_text::Batches batches(text.train, kBatch, kContext, run.seed);
  const auto heldout = train_text::even_rows(text.heldout, kHeldoutRows, kContext);
  torch::manual_seed(run.seed);
  train_text::GPT model(
      train_text::GPTOptions().vocabulary(256).context(kContext).width(run.width).layers(run.layers).heads(4));
  auto optimizer = train_text::make_optimizer(model, kLearningRate);
  infoplane::Monitor monitor(model, infoplane::MonitorOptions()
                                        .every(settings.every)
                                        .window(settings.window)
                                        .labels(infoplane::labels::LabelOptions().input_orders({1}).output_orders({1}))
                                        .run(run.name())
                                        .details({{"corpus", run.corpus},
                                                  {"bytes", run.bytes},
                                                  {"layers", run.layers},
                                                  {"seed", static_cast<std::int64_t>(run.seed)}}));
  monitor.add_sink(infoplane::JsonLinesSink(unfinished, infoplane::OpenMode::kOverwrite));
  for (std::int64_t step = 0; step <= steps_of(run, settings); ++step) {
    const auto [inputs, targets] = batches.next();
    auto observation = monitor.observe(step, inputs, targets);
    auto loss = train_text::cross_entropy(model(inputs), targets);
    if (monitor.end_step(step, loss)) {
      auto heldout_observation = monitor.observe_heldout(step, heldout.inputs, heldout.targets);
      monitor.end_heldout(step, train_text::heldout_loss(model, heldout));
    }
    train_text::update(model, optimizer, loss, train_text::warmed_up(kLearningRate, step));
  }
  fs::rename(unfinished, file);
}

int study(const Settings& settings) {
  at::set_num_threads(1);
  fs::create_directories(settings.out);
  std::map<std::string, train_text::Text> corpora;
  std::int64_t trained = 0;
  for (const auto& run : all_runs(settings.seeds)) {
    if (trained == settings.most || complete(run, settings)) {
      continue;
    }
    if (corpora.count(run.corpus) == 0) {
      corpora.emplace(run.corpus, load_corpus(run.corpus));
    }
    const auto start = std::chrono::steady_clock::now();
    const auto text = train_text::cut(corpora.at(run.corpus), run.bytes);
    solve_curve(run, text, settings);
    train(run, text, settings);
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
  app.add_option("--out", settings.out, "Folder of the run files")->capture_default_str();
  app.add_option("--steps", settings.steps, "Optimizer steps of each run (default: those of the grid)");
  app.add_option("--every", settings.every, "Steps between two points")->capture_default_str();
  app.add_option("--seeds", settings.seeds, "Seeds, from 1")->capture_default_str();
  app.add_option("--most", settings.most, "End after so many runs")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return stopping_study::study(settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "infoplane_stopping_study: %s\n", error.what());
    return 1;
  }
}
