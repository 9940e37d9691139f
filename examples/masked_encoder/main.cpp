// Trains a small encoder to fill in masked bytes of a text, and shows what its layers know about those bytes. Y is
// defined at the masked positions only; its share is of what the layers keep at these.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <exception>
#include <infoplane/infoplane.hpp>
#include <string>

#include "text.hpp"

namespace {

using train_text::Batch;

struct Options {
  std::string text;  // empty: the headers of LibTorch
  std::string out;   // empty: no run file
  std::int64_t steps = 600;
  std::int64_t every = 100;
  std::int64_t batch = 32;
  std::int64_t context = 32;
  std::int64_t heldout = 256;
  std::int64_t width = 64;
  int threads = 2;
};

constexpr double kMasked = 0.15;
constexpr std::int64_t kNoTarget = -100;

/// LibTorch's own encoder: post-norm layers of layout [T, B, d].
struct EncoderImpl : torch::nn::Module {
  EncoderImpl(std::int64_t vocabulary, std::int64_t context, std::int64_t width)
      : tokens(register_module("tokens", torch::nn::Embedding(vocabulary + 1, width))),  // the last one is the mask
        positions(register_module("positions", torch::nn::Embedding(context, width))),
        encoder(register_module(
            "encoder",
            torch::nn::TransformerEncoder(torch::nn::TransformerEncoderOptions(
                torch::nn::TransformerEncoderLayerOptions(width, 4).dim_feedforward(4 * width).dropout(0.0), 3)))),
        head(register_module("head", torch::nn::Linear(width, vocabulary))) {}

  torch::Tensor forward(const torch::Tensor& rows) {  // [B, T]
    const auto x = tokens(rows) + positions(torch::arange(rows.size(1)));
    return head(encoder(x.transpose(0, 1)).transpose(0, 1));
  }

  torch::nn::Embedding tokens, positions;
  torch::nn::TransformerEncoder encoder;
  torch::nn::Linear head;
};
TORCH_MODULE(Encoder);

/// Some bytes replaced by the mask, which are then the targets.
Batch masked(const torch::Tensor& rows, std::int64_t mask) {
  const auto hidden = torch::rand(rows.sizes()).lt(kMasked);
  return {rows.masked_fill(hidden, mask), rows.masked_fill(hidden.logical_not(), kNoTarget)};
}

/// What goes in and what is to come out, by their names.
infoplane::BatchDetails details_of(const Batch& batch) {
  return infoplane::BatchDetails().inputs({{"byte", batch.inputs}}).outputs({{"masked", batch.targets}});
}

torch::Tensor loss_of(Encoder& model, const Batch& batch) {
  return torch::nn::functional::cross_entropy(model->forward(batch.inputs).flatten(0, 1), batch.targets.flatten(),
                                              torch::nn::functional::CrossEntropyFuncOptions().ignore_index(kNoTarget));
}

void print(const infoplane::plane::Point& point) {
  const auto value = [&](const char* key) { return infoplane::plane::value_at(point.mean, key); };
  fmt::print("{:>6}{:>10.4f}{:>10.4f}{:>10.4f}{:>10.4f} ±{:.4f}{:>10.4f}\n", point.step, point.loss,
             value("I(X;Z)/context/corrected"), value("I(Y;Z)/masked/corrected"), value("share/masked/corrected"),
             value("share/masked/standard_error"), value("distance/masked/corrected"));
}

int run(const Options& options) {
  at::set_num_threads(options.threads);
  const auto text = options.text.empty() ? train_text::load_own_headers() : train_text::load_bytes(options.text);
  torch::manual_seed(1);
  Encoder model(text.vocabulary, options.context, options.width);
  torch::optim::AdamW optimizer(model->parameters(), 2e-3);
  train_text::Batches batches(text.train, options.batch, options.context, 1);
  const auto heldout =
      masked(train_text::even_rows(text.heldout, options.heldout, options.context).inputs, text.vocabulary);
  infoplane::Monitor monitor(model, infoplane::MonitorOptions()
                                        .every(options.every)
                                        .run("masked encoder")
                                        .activations(infoplane::AxisOrder::kTimeFirst));
  if (!options.out.empty()) {
    monitor.add_sink(infoplane::JsonLinesSink(options.out));
  }
  fmt::print("{}: held-out bytes that were masked, mean over the layers\n{:>6}{:>10}{:>10}{:>10}{:>18}{:>10}\n",
             text.name, "step", "loss", "context", "about Y", "share", "distance");
  for (std::int64_t step = 0; step <= options.steps; ++step) {
    if (step % options.every == 0) {
      const torch::NoGradGuard no_grad;
      auto observation = monitor.observe_heldout(step, details_of(heldout));
      const auto loss = loss_of(model, heldout);
      observation.finish();
      print(*monitor.end_heldout(step, loss, infoplane::LossKind::kCrossEntropy));
    }
    const auto loss = loss_of(model, masked(batches.next().inputs, text.vocabulary));
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Trains a small encoder on masked bytes, and measures it");
  app.add_option("--text", options.text, "A file; without it the headers of LibTorch");
  app.add_option("--out", options.out, "Run file to write");
  app.add_option("--steps", options.steps)->check(CLI::PositiveNumber);
  app.add_option("--every", options.every, "Steps between points")->check(CLI::PositiveNumber);
  app.add_option("--batch", options.batch, "Rows a step")->check(CLI::PositiveNumber);
  app.add_option("--heldout", options.heldout, "Held-out rows")->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "masked_encoder: {}\n", error.what());
    return 1;
  }
}
