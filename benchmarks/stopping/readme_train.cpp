#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <random>

#include "corpora.hpp"
#include "model.hpp"
#include "readme_runs.hpp"
#include "training.hpp"

namespace stopping_study {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kEvery = 50;
constexpr std::int64_t kParts = 32;
constexpr std::int64_t kHeldoutTokens = 16384;

/// A first-order Markov text over 64 symbols whose transitions change with a topic that lasts 200 symbols on average:
/// what a model must infer from more than the last symbol.
train_text::Text markov_topics(std::int64_t tokens) {
  constexpr std::size_t kSymbols = 64;
  constexpr std::size_t kTopics = 6;
  std::mt19937_64 generator(11);
  std::array<std::array<std::discrete_distribution<int>, kSymbols>, kTopics> next;
  for (auto& topic : next) {
    for (auto& row : topic) {
      std::array<double, kSymbols> weights{};
      for (auto& weight : weights) {
        const double u = std::uniform_real_distribution<double>(0, 1)(generator);
        weight = std::pow(u, 12);  // a few symbols have nearly all of it
      }
      row = std::discrete_distribution<int>(weights.begin(), weights.end());
    }
  }
  train_text::Text text{"Markov text with topics", {}, {}, kSymbols};
  std::size_t topic = 0;
  std::size_t symbol = 0;
  for (std::int64_t i = 0; i < tokens + 2 * kHeldoutTokens; ++i) {
    if (generator() % 200 == 0) {
      topic = generator() % kTopics;
    }
    symbol = static_cast<std::size_t>(next[topic][symbol](generator));
    (i < tokens ? text.train : text.heldout).push_back(static_cast<std::uint16_t>(symbol));
  }
  return text;
}

train_text::Text text_of(const ReadmeRun& run) {
  return run.text == "topics" ? markov_topics(run.bytes) : train_text::cut(load_corpus(run.text), run.bytes);
}

/// Held-out loss of each part of the rows.
std::vector<double> losses(train_text::GPT& model, const train_text::Batch& heldout) {
  const torch::NoGradGuard no_grad;
  std::vector<double> parts;
  const auto inputs = heldout.inputs.chunk(kParts);
  const auto targets = heldout.targets.chunk(kParts);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    parts.push_back(train_text::cross_entropy(model(inputs[i]), targets[i]).item<double>());
  }
  return parts;
}

double rate(const ReadmeRun& run, std::int64_t step) {
  const double left = 1 - static_cast<double>(step) / static_cast<double>(run.steps);
  return train_text::warmed_up(run.learning_rate, step) * (run.decays ? left : 1);
}

}  // namespace

void train_readme_run(const ReadmeRun& run, const std::string& folder) {
  const auto text = text_of(run);
  train_text::Batches batches(text.train, run.rows, run.context, run.seed);
  const auto heldout = train_text::even_rows(text.heldout, kHeldoutTokens / run.context, run.context);
  torch::manual_seed(run.seed);
  train_text::GPT model(
      train_text::GPTOptions().vocabulary(text.vocabulary).context(run.context).width(run.width).layers(2).heads(4));
  auto optimizer = train_text::make_optimizer(model, run.learning_rate);
  const auto file = fs::path(folder) / (run.name() + ".jsonl");
  const auto unfinished = fs::path(folder) / "unfinished" / file.filename();
  fs::create_directories(unfinished.parent_path());
  std::ofstream judge(fs::path(folder) / (run.name() + ".judge.csv"));
  judge.precision(9);
  infoplane::Monitor monitor(model, infoplane::MonitorOptions().sites("blocks.*").every(kEvery).run(run.name()));
  monitor.add_sink(infoplane::JsonLinesSink(unfinished, infoplane::OpenMode::kOverwrite));
  for (std::int64_t step = 0; step <= run.steps; ++step) {
    if (step % kEvery == 0) {
      judge << step;
      for (const double loss : losses(model, heldout)) {
        judge << ',' << loss;
      }
      judge << '\n';
    }
    const auto [inputs, targets] = batches.next();
    auto observation = monitor.observe(step, inputs, targets);
    auto loss = train_text::cross_entropy(model(inputs), targets);
    train_text::update(model, optimizer, loss, rate(run, step));
    monitor.end_step(step, loss);
  }
  judge.close();
  fs::rename(unfinished, file);
}

}  // namespace stopping_study
