#include "options.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>

#include "number_option.hpp"

namespace train_text {
namespace {

/// A count of something: a whole number of at least 1.
void add_count(CLI::App& app, const std::string& name, std::int64_t& into, const std::string& help) {
  add_number<std::int64_t>(app, name, into, help, 1);
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
  add_number<std::int64_t>(app, "--vocabulary", options.vocabulary,
                           "Number of different tokens (default: the largest plus one)", 2, 65536)
      ->needs(tokens);
  add_number<std::int64_t>(app, "--limit", options.limit,
                           "Train on so many tokens, spread over the text; 0: all (default: all; of the headers " +
                               std::to_string(kOwnTokens) + ")",
                           0);
  app.add_option("--out", options.out, "Run file to write")->type_name("FILE");
  add_number<std::uint64_t>(app, "--seed", options.seed, "Seed of the weights and the batches", 0);
  add_count(app, "--steps", options.steps, "Optimizer steps");
  add_count(app, "--every", options.every, "Steps between two measurements");
  add_count(app, "--window", options.window, "Training steps in one measurement");
  add_count(app, "--batch", options.batch, "Rows of a batch");
  add_count(app, "--context", options.context, "Tokens of a row");
  add_count(app, "--width", options.width, "Width of the residual stream");
  add_count(app, "--layers", options.layers, "Number of blocks");
  add_count(app, "--heads", options.heads, "Attention heads of a block");
  add_number<double>(app, "--lr", options.learning_rate, "Learning rate after the warm-up", infoplane::kAboveZero);
  add_number<int>(app, "--threads", options.threads, "Threads of one operator", 1, 1024);
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
