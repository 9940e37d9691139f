// Trains a TorchScript module, as torch.jit.script(model).save("model.pt") exports it from Python, watches its blocks,
// and keeps its best step. Where there is no such file yet, the example makes one.
#include <fmt/format.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/optim/adamw.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <infoplane/callbacks/best_checkpoint.hpp>
#include <infoplane/infoplane.hpp>
#include <string>
#include <vector>

#include "number_option.hpp"
#include "script.hpp"
#include "text.hpp"
#include "training.hpp"

namespace torchscript {
namespace {

struct Options {
  std::string model = "model.pt";
  std::string text;
  std::string out = "torchscript.jsonl";
  std::string best = "best.pt";
  std::int64_t steps = 200;
  std::int64_t every = 50;
};

constexpr std::int64_t kRows = 16;
constexpr std::int64_t kContext = 64;

int train(const Options& options) {
  const auto text = options.text.empty() ? train_text::load_own_headers() : train_text::load_bytes(options.text);
  train_text::Batches batches(text.train, kRows, kContext, 1);
  const auto heldout = train_text::even_rows(text.heldout, kRows, kContext);
  if (!std::filesystem::exists(options.model)) {
    torch::manual_seed(1);
    write_model(options.model, text.vocabulary, kContext);
    fmt::print("made {}\n", options.model);
  }

  auto model = torch::jit::load(options.model);
  model.train();
  std::vector<torch::Tensor> parameters;
  for (const auto& parameter : model.parameters()) {
    parameters.push_back(parameter);
  }
  torch::optim::AdamW optimizer(parameters, torch::optim::AdamWOptions(3e-3));
  infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(options.every).run("torchscript"));
  monitor.add_sink(infoplane::JsonLinesSink(options.out, infoplane::OpenMode::kOverwrite));
  infoplane::EarlyStopping stopping(infoplane::EarlyStoppingOptions().monitor("loss").min_delta(0));
  infoplane::BestCheckpoint checkpoint(options.best, model, &optimizer);
  fmt::print("{}", monitor.describe());

  const auto loss_of = [&model](const train_text::Batch& batch) {
    return train_text::cross_entropy(model.forward({batch.inputs}).toTensor(), batch.targets);
  };
  for (std::int64_t step = 0; step <= options.steps; ++step) {
    if (monitor.logs(step)) {
      const torch::NoGradGuard no_grad;
      const auto observation = monitor.observe_heldout(step, heldout.inputs, heldout.targets);
      const auto point = *monitor.end_heldout(step, loss_of(heldout));
      fmt::print("step {:>5}  held-out loss {:.3f}  complexity {:.2f} %  expressivity {:.2f} %\n", step, point.loss,
                 100 * point.mean.at("I(X;Z)/input_unigram/corrected"),
                 100 * point.mean.at("I(Y;Z)/output_unigram/corrected"));
      stopping.update(point);
      checkpoint.update(stopping);
    }
    const auto loss = loss_of(batches.next());
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  fmt::print("best step {}\n", checkpoint.restore());
  model.save(options.model);  // with the best weights
  return 0;
}

}  // namespace
}  // namespace torchscript

int main(int argc, char** argv) {
  torchscript::Options options;
  CLI::App app("Trains a TorchScript module, and shows where its blocks are on the information plane.", "torchscript");
  app.option_defaults()->always_capture_default();
  app.add_option("--model", options.model, "Module to train, made if it is not there; gets the best weights")
      ->type_name("FILE");
  app.add_option("--text", options.text, "Bytes of this file (default: LibTorch's headers)")->type_name("FILE");
  app.add_option("--out", options.out, "Run file to write")->type_name("FILE");
  app.add_option("--best", options.best, "Checkpoint of the best step")->type_name("FILE");
  train_text::add_number<std::int64_t>(app, "--steps", options.steps, "Optimizer steps", 1, 1'000'000);
  train_text::add_number<std::int64_t>(app, "--every", options.every, "Steps between two measurements", 1, 1'000'000);
  CLI11_PARSE(app, argc, argv);
  try {
    return torchscript::train(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "torchscript: {}\n", error.what());
    return 2;
  }
}
