// Preference information while a small transformer learns which of two completions is preferred: how much each block
// says about that, next to how often the model gets it right.
#include <fmt/format.h>
#include <torch/nn/functional/activation.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <infoplane/core/write_file.hpp>
#include <infoplane/infoplane.hpp>
#include <infoplane/monitor/preference_labels.hpp>
#include <string>
#include <tuple>

#include "model.hpp"
#include "number_option.hpp"
#include "pairs.hpp"
#include "text.hpp"
#include "training.hpp"

namespace preference {
namespace {

struct Options {
  std::string text;
  std::string out = "preference.jsonl";
  std::int64_t steps = 200;
  std::int64_t every = 50;
};

constexpr std::int64_t kBatch = 16;
constexpr std::int64_t kHeldout = 128;
constexpr double kLearningRate = 3e-3;
constexpr double kBeta = 2;

/// Mean log-probability that the model gives each completion, [2 P].
torch::Tensor log_probability(const torch::Tensor& logits, const Pairs& pairs) {
  const auto each = torch::nn::functional::log_softmax(logits, -1).gather(-1, pairs.targets.unsqueeze(-1)).squeeze(-1);
  // A position predicts the next token: the last one of a completion nothing that counts.
  const auto predicts = pairs.completion.logical_and(pairs.completion.roll(-1, 1));
  return (each * predicts).sum(1) / predicts.sum(1);
}

/// Learns the preferred completions, and to give them more than the rejected ones: log σ(β (log p − log p')), as SimPO
/// without its margin.
torch::Tensor loss_of(const torch::Tensor& log_p) {
  const auto halves = log_p.chunk(2);
  return -halves[0].mean() - torch::nn::functional::logsigmoid(kBeta * (halves[0] - halves[1])).mean();
}

int train(const Options& options) {
  if (!options.text.empty() && infoplane::written_over(options.out, {options.text})) {
    throw infoplane::ArgumentError(
        fmt::format("the run would be written over the text {}: give another --out", options.text));
  }
  const auto text = options.text.empty() ? train_text::load_own_headers() : train_text::load_bytes(options.text);
  std::mt19937_64 generator(1);
  const auto heldout = draw_pairs(text.heldout, kHeldout, generator);
  torch::manual_seed(1);
  train_text::GPT model(train_text::GPTOptions().vocabulary(text.vocabulary).width(32).layers(2));
  auto optimizer = train_text::make_optimizer(model, kLearningRate);

  infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(options.every).run("preference"));
  monitor.add_sink(infoplane::JsonLinesSink(options.out, infoplane::OpenMode::kOverwrite));
  const auto details =
      infoplane::BatchDetails()
          .mask(heldout.counts)
          .labels({{"preference", infoplane::preference_labels(heldout.preferred, heldout.completion)}});
  fmt::print("{:>5}  {:>6}  {:>10}  preference information I(X;Z)/preference, in % of log m\n", "step", "loss",
             "told apart");
  for (std::int64_t step = 0; step <= options.steps; ++step) {
    if (monitor.logs(step)) {
      const torch::NoGradGuard no_grad;
      const auto observation = monitor.observe_heldout(step, heldout.inputs, heldout.targets, details);
      const auto log_p = log_probability(model(heldout.inputs), heldout);
      const auto halves = log_p.chunk(2);
      const auto point = *monitor.end_heldout(step, loss_of(log_p));
      fmt::print("{:>5}  {:>6.3f}  {:>10.2f}", step, point.loss,
                 (halves[0] > halves[1]).to(at::kFloat).mean().item<double>());
      for (const auto& layer : point.layers) {
        fmt::print("  {} {:.2f} ± {:.2f}", layer.name, 100 * layer.metrics.at("I(X;Z)/preference/corrected"),
                   100 * layer.metrics.at("I(X;Z)/preference/standard_error"));
      }
      fmt::print("\n");
    }
    const auto pairs = draw_pairs(text.train, kBatch, generator);
    train_text::update(model, optimizer, loss_of(log_probability(model(pairs.inputs), pairs)),
                       train_text::warmed_up(kLearningRate, step));
  }
  return 0;
}

}  // namespace
}  // namespace preference

int main(int argc, char** argv) {
  preference::Options options;
  CLI::App app("Shows how much each block of a small transformer says about which completions are preferred.",
               "preference");
  app.option_defaults()->always_capture_default();
  app.add_option("--text", options.text, "Bytes of this file (default: LibTorch's headers)")->type_name("FILE");
  app.add_option("--out", options.out, "Run file to write")->type_name("FILE");
  train_text::add_number<std::int64_t>(app, "--steps", options.steps, "Optimizer steps", 1, 1'000'000);
  train_text::add_number<std::int64_t>(app, "--every", options.every, "Steps between two measurements", 1, 1'000'000);
  CLI11_PARSE(app, argc, argv);
  try {
    return preference::train(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "preference: {}\n", error.what());
    return 2;
  }
}
