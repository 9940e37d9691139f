#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>

#include "interrupt.hpp"
#include "model.hpp"
#include "options.hpp"
#include "text.hpp"
#include "training.hpp"

namespace train_text {
namespace {

constexpr std::int64_t kHeldoutRows = 256;

Text load_text(const Options& options) {
  if (!options.tokens.empty()) {
    return load_tokens(options.tokens, options.vocabulary);
  }
  return options.text.empty() ? load_own_headers() : load_bytes(options.text);
}

GPT make_model(const Options& options, std::int64_t vocabulary) {
  torch::manual_seed(options.seed);
  return GPT(GPTOptions()
                 .vocabulary(vocabulary)
                 .context(options.context)
                 .width(options.width)
                 .layers(options.layers)
                 .heads(options.heads));
}

int train(const Options& options) {
  at::set_num_threads(options.threads);
  const Text text = load_text(options);
  Batches batches(text.train, options.batch, options.context, options.seed);
  const Batch heldout = even_rows(text.heldout, kHeldoutRows, options.context);
  auto model = make_model(options, text.vocabulary);
  auto optimizer = make_optimizer(model, options.learning_rate);
  if (!options.quiet) {
    fmt::print("{}: {} tokens to train on, {} held out\n", text.name, text.train.size(), text.heldout.size());
  }

  catch_interrupts();
  const auto start = std::chrono::steady_clock::now();
  // Step s sees the model after s updates, so the last one puts the end of training on record.
  for (std::int64_t step = 0; step <= options.steps && interrupted() == 0; ++step) {
    const auto [inputs, targets] = batches.next();
    auto loss = cross_entropy(model(inputs), targets);
    if (step % options.every == 0 && !options.quiet) {
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      fmt::print("step {:5}  train loss {:.3f}  held-out loss {:.3f}  {:5.1f} s\n", step, loss.item<double>(),
                 heldout_loss(model, heldout), elapsed.count());
      std::fflush(stdout);
    }
    update(model, optimizer, loss, warmed_up(options.learning_rate, step));
  }
  if (interrupted() != 0) {
    fmt::print(stderr, "train_text: ended by signal {}\n", interrupted());
    return 128 + interrupted();
  }
  return 0;
}

}  // namespace
}  // namespace train_text

int main(int argc, char** argv) {
  try {
    const auto command_line = train_text::parse_command_line(argc, argv);
    if (!command_line.options) {
      const bool helped = command_line.exit_code == 0;
      fmt::print(helped ? stdout : stderr, "{}{}\n", helped ? "" : "train_text: ", command_line.message);
      return command_line.exit_code;
    }
    return train_text::train(*command_line.options);
  } catch (const train_text::TextError& error) {
    fmt::print(stderr, "train_text: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "train_text: {}\n", error.what());
    return 1;
  }
}
