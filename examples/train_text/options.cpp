#include "options.hpp"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <string>

namespace train_text {
namespace {

// CLI::PositiveNumber would print the range of a double, and an unsigned option takes "-1" for 2^64 - 1.
const CLI::Validator& positive() {
  static const CLI::Validator validator(
      [](const std::string& value) {
        return std::strtod(value.c_str(), nullptr) > 0 ? "" : value + " is not a positive number";
      },
      "POSITIVE", "positive");
  return validator;
}

const CLI::Validator& not_negative() {
  static const CLI::Validator validator(
      [](const std::string& value) { return value.find('-') == std::string::npos ? "" : value + " is negative"; },
      "NOT NEGATIVE", "not_negative");
  return validator;
}

const CLI::Validator& device() {
  static const CLI::Validator validator(
      [](const std::string& value) {
        const bool numbered = value.starts_with("cuda:") && value.size() > 5 && value.size() < 8 &&
                              value.find_first_not_of("0123456789", 5) == std::string::npos;
        return value == "cpu" || value == "cuda" || numbered ? "" : value + " is not cpu, cuda or cuda:N";
      },
      "DEVICE", "device");
  return validator;
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  Options options;
  CLI::App app("Trains a small transformer on text and shows each of its blocks on the information plane.",
               "train_text");
  app.option_defaults()->always_capture_default();

  auto* text = app.add_option("--text", options.text, "Train on the bytes of this file (default: LibTorch's headers)");
  text->type_name("FILE");
  auto* tokens = app.add_option("--tokens", options.tokens, "Train on uint16 tokens, as nanoGPT and llm.c write them");
  tokens->type_name("FILE")->excludes(text);
  app.add_option("--vocabulary", options.vocabulary, "Number of different tokens (default: the largest plus one)")
      ->check(CLI::Range(2, 65536))
      ->needs(tokens);
  app.add_option("--limit", options.limit,
                 "Train on so many tokens, spread over the text; 0: all (default: all; of the headers " +
                     std::to_string(kOwnTokens) + ")")
      ->check(not_negative());
  app.add_option("--out", options.out, "Run file to write")->type_name("FILE");
  app.add_option("--seed", options.seed, "Seed of the weights and the batches")->check(not_negative());
  app.add_option("--steps", options.steps, "Optimizer steps")->check(positive());
  app.add_option("--every", options.every, "Steps between two measurements")->check(positive());
  app.add_option("--window", options.window, "Training steps in one measurement")->check(positive());
  app.add_option("--batch", options.batch, "Rows of a batch")->check(positive());
  app.add_option("--context", options.context, "Tokens of a row")->check(positive());
  app.add_option("--width", options.width, "Width of the residual stream")->check(positive());
  app.add_option("--layers", options.layers, "Number of blocks")->check(positive());
  app.add_option("--heads", options.heads, "Attention heads of a block")->check(positive());
  app.add_option("--lr", options.learning_rate, "Learning rate after the warm-up")->check(positive());
  app.add_option("--threads", options.threads, "Threads of one operator")->check(CLI::Range(1, 1024));
  app.add_option("--device", options.device, "Where to train: cpu, cuda, or cuda:N")->check(device());
  app.add_flag("--stop", options.stop, "End when the stopping rule says so, not only say when it would");
  app.add_flag("--quiet", options.quiet, "Print nothing but errors");

  try {
    app.parse(argc, argv);
    if (options.width % options.heads != 0) {
      throw CLI::ValidationError("--width", std::to_string(options.width) + " does not divide into " +
                                                std::to_string(options.heads) + " heads");
    }
  } catch (const CLI::CallForHelp&) {
    return {std::nullopt, 0, app.help()};
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, 2, std::string(error.what()) + " (see --help)"};
  }
  return {options, 0, ""};
}

}  // namespace train_text
