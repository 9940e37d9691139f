// Trains the demo's model twice, from the same seed on the same batches: once as it is, and once with
//
//     loss + β · mean over the blocks of I(X;Z)        X: the token at the position, Z: the block's output
//
// and shows where both end on the information plane.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <exception>
#include <infoplane/estimator/differentiable.hpp>
#include <infoplane/infoplane.hpp>
#include <string>
#include <vector>

#include "model.hpp"
#include "number_option.hpp"
#include "text.hpp"
#include "training.hpp"

namespace {

using namespace train_text;

struct Options {
  std::string text;  // empty: the headers of LibTorch
  std::int64_t steps = 300;
  std::int64_t batch = 16;
  std::int64_t context = 64;
  double beta = 0.3;
  double learning_rate = 3e-3;
  std::uint64_t seed = 1;
  int threads = 2;
};

/// β · mean over the blocks of I(X;Z) in nats, with its graph.
torch::Tensor pressure(const std::vector<torch::Tensor>& streams, const torch::Tensor& tokens,
                       const infoplane::estimator::AnchoredSpace& space, double beta) {
  torch::Tensor sum;
  for (std::size_t block = 1; block < streams.size(); ++block) {
    const auto information = infoplane::estimator::soft_mutual_information(streams[block], tokens, space);
    sum = sum.defined() ? sum + information : information;
  }
  return sum * (beta / static_cast<double>(streams.size() - 1));
}

/// The held-out point at the end of a training with this β.
infoplane::plane::Point train(const Options& options, const Text& text, double beta) {
  Batches batches(text.train, options.batch, options.context, options.seed);
  const Batch heldout = even_rows(text.heldout, 256, options.context);
  torch::manual_seed(options.seed);
  GPT model(GPTOptions().vocabulary(text.vocabulary).context(options.context));
  auto optimizer = make_optimizer(model, options.learning_rate);
  infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(options.steps));
  const infoplane::estimator::AnchoredSpace space(model->options().width());
  for (std::int64_t step = 0; step < options.steps; ++step) {
    const auto [inputs, targets] = batches.next();
    const auto streams = model->streams(inputs);
    auto loss = cross_entropy(model->logits(streams.back()), targets);
    if (beta > 0) {
      loss = loss + pressure(streams, inputs, space, beta);
    }
    update(model, optimizer, loss, warmed_up(options.learning_rate, step));
  }
  auto observation = monitor.observe_heldout(options.steps, heldout.inputs, heldout.targets);
  const double loss = heldout_loss(model, heldout);
  return *monitor.end_heldout(options.steps, loss);
}

void print(const std::string& name, const infoplane::plane::Point& point) {
  fmt::print("{}, held-out loss {:.4f}\n", name, point.loss);
  fmt::print("  {:<18}{:>12}{:>14}{:>12}\n", "", "complexity", "expressivity", "optimality");
  const auto line = [](const std::string& layer, const infoplane::plane::Metrics& metrics) {
    const auto value = [&metrics](const char* key) { return infoplane::plane::value_at(metrics, key); };
    fmt::print("  {:<18}{:>12.4f}{:>14.4f}{:>12.4f}\n", layer, value("I(X;Z)/input_unigram/corrected"),
               value("I(Y;Z)/output_unigram/corrected"), value("optimality/unigram/corrected"));
  };
  for (const auto& layer : point.layers) {
    line(layer.name, layer.metrics);
  }
  line("mean over blocks", point.mean);
}

/// What the pressure changed in the mean over the blocks, and how much of it is noise.
void print_effect(const infoplane::plane::Point& plain, const infoplane::plane::Point& pressed) {
  const auto change = [&](const char* name, const std::string& key) {
    const auto value = [](const infoplane::plane::Point& point, const std::string& of) {
      return infoplane::plane::value_at(point.mean, of);
    };
    const double by = value(pressed, key + "/corrected") - value(plain, key + "/corrected");
    const double noise = std::hypot(value(plain, key + "/standard_error"), value(pressed, key + "/standard_error"));
    fmt::print("  {:<14}{:+.4f}, {}\n", name, by,
               std::isnan(noise)           ? "of unknown noise"
               : std::abs(by) <= 2 * noise ? fmt::format("within the noise of {:.4f}", 2 * noise)
                                           : fmt::format("{:.0f} times its standard error", std::abs(by) / noise));
  };
  fmt::print("Change by the pressure, mean over the blocks\n");
  change("complexity", "I(X;Z)/input_unigram");
  change("expressivity", "I(Y;Z)/output_unigram");
  change("optimality", "optimality/unigram");
  fmt::print("  {:<14}{:+.4f} nats\n", "held-out loss", pressed.loss - plain.loss);
  fmt::print(
      "One seed, one text: it shows that the term can be trained on and what it moves, not that it helps. The "
      "gradient\n"
      "sees the plug-in value of one batch, part of which is bias; the table shows corrected values.\n");
}

int run(const Options& options) {
  at::set_num_threads(options.threads);
  const Text text = options.text.empty() ? load_own_headers() : load_bytes(options.text);
  fmt::print("{}: {} steps of {} tokens\n\n", text.name, options.steps, options.batch * options.context);
  const auto plain = train(options, text, 0);
  print("Without pressure", plain);
  const auto pressed = train(options, text, options.beta);
  print(fmt::format("\nWith β = {} on the complexity of every block", options.beta), pressed);
  fmt::print("\n");
  print_effect(plain, pressed);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Trains the demo's model without and with pressure on its complexity");
  app.add_option("--text", options.text, "A file to train on; else the headers of LibTorch");
  train_text::add_number<std::int64_t>(app, "--steps", options.steps, "Updates of each of the two models", 1);
  train_text::add_number<std::int64_t>(app, "--batch", options.batch, "Rows of a batch", 1);
  train_text::add_number<std::int64_t>(app, "--context", options.context, "Tokens of a row", 1);
  train_text::add_number<double>(app, "--beta", options.beta, "Loss a nat of I(X;Z)", 0);
  train_text::add_number<std::uint64_t>(app, "--seed", options.seed, "Of weights and batches", 0);
  train_text::add_number<int>(app, "--threads", options.threads, "Of LibTorch", 1, 1024);
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "compression_pressure: {}\n", error.what());
    return 1;
  }
}
