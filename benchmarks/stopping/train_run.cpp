#include "train_run.hpp"

#include <torch/types.h>

#include <filesystem>
#include <fstream>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/bound/joint_builder.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/runs/run_file.hpp>
#include <infoplane/sinks/json_lines_sink.hpp>
#include <map>
#include <numbers>
#include <span>

#include "model.hpp"
#include "rivals.hpp"
#include "training.hpp"

namespace stopping_study {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kBatch = 16;
constexpr std::int64_t kContext = 64;
constexpr std::int64_t kHeldoutRows = 256;
constexpr std::int64_t kRivalRows = 8;  // 512 tokens, each thirty-second row of the held-out batch
constexpr double kLearningRate = 4e-3;
constexpr double kAverage = 0.98;  // of the averaged weights, a step

std::int64_t steps_of(const Run& run, const TrainSettings& settings) {
  return settings.steps > 0 ? settings.steps : run.steps();
}

fs::path path_of(const Run& run, const TrainSettings& settings, const std::string& ending) {
  return fs::path(settings.out) / (run.name() + ending);
}

std::span<const std::int64_t> values_of(const torch::Tensor& tokens) {
  return {tokens.data_ptr<std::int64_t>(), static_cast<std::size_t>(tokens.numel())};
}

/// Of the held-out batch itself: no channel from X lies above it.
infoplane::bound::IbCurve curve_of(const Run& run, const train_text::Batch& heldout, const TrainSettings& settings) {
  const auto file = fs::path(settings.out) / (run.corpus + ".curve.json");
  if (!fs::exists(file)) {
    infoplane::bound::JointBuilder pairs;
    pairs.add(values_of(heldout.inputs.contiguous()), values_of(heldout.targets.contiguous()));
    infoplane::bound::IbCurve::solve(pairs.build()).save(file);
  }
  return infoplane::bound::IbCurve::load(file);
}

train_text::GPT make_model(const Run& run) {
  return train_text::GPT(
      train_text::GPTOptions().vocabulary(256).context(kContext).width(run.width).layers(run.layers).heads(4));
}

double rate(const Run& run, std::int64_t step, std::int64_t steps) {
  const double done = static_cast<double>(step) / static_cast<double>(steps);
  return train_text::warmed_up(kLearningRate, step) * (run.cosine ? (1 + std::cos(std::numbers::pi * done)) / 2 : 1);
}

/// The running mean of the weights. From the first step on the plain mean of what there was, until that is longer.
void average(train_text::GPT& averaged, train_text::GPT& model, std::int64_t step) {
  const torch::NoGradGuard no_grad;
  const double keep = std::min(kAverage, static_cast<double>(step) / static_cast<double>(step + 1));
  const auto to = averaged->parameters();
  const auto from = model->parameters();
  for (std::size_t i = 0; i < to.size(); ++i) {
    to[i].lerp_(from[i], 1 - keep);
  }
}

/// Mean over the block outputs.
std::map<std::string, double> rivals_of(train_text::GPT& model, const torch::Tensor& inputs) {
  const torch::NoGradGuard no_grad;
  std::map<std::string, double> means;
  const auto streams = model->streams(inputs.slice(0, 0, inputs.size(0), inputs.size(0) / kRivalRows));
  for (std::size_t layer = 1; layer < streams.size(); ++layer) {
    for (const auto& [name, value] : rivals(streams[layer].flatten(0, 1))) {
      means[name] += value / static_cast<double>(streams.size() - 1);
    }
  }
  return means;
}

/// One line for each held-out point.
class Beside {
 public:
  explicit Beside(const fs::path& file) : out_(file) { out_.precision(9); }

  void add(std::int64_t step, double averaged_loss, const std::map<std::string, double>& metrics) {
    if (!named_) {
      out_ << "step,averaged_loss";
      for (const auto& [name, value] : metrics) {
        out_ << ',' << name;
      }
      out_ << '\n';
      named_ = true;
    }
    out_ << step << ',' << averaged_loss;
    for (const auto& [name, value] : metrics) {
      out_ << ',' << value;
    }
    out_ << '\n';
  }

 private:
  std::ofstream out_;
  bool named_ = false;
};

}  // namespace

bool complete(const Run& run, const TrainSettings& settings) {
  const auto file = path_of(run, settings, ".jsonl");
  if (!fs::exists(file) || fs::file_size(file) == 0) {
    return false;
  }
  const auto read = infoplane::read_run_file(file);
  return !read.points.empty() && read.points.back().step == steps_of(run, settings);
}

void train_run(const Run& run, const train_text::Text& text, const TrainSettings& settings) {
  const auto file = path_of(run, settings, ".jsonl");
  const auto unfinished = fs::path(settings.out) / "unfinished" / file.filename();
  fs::create_directories(unfinished.parent_path());
  train_text::Batches batches(text.train, kBatch, kContext, run.seed);
  const auto heldout = train_text::even_rows(text.heldout, kHeldoutRows, kContext);
  auto averaged = make_model(run);
  torch::manual_seed(run.seed);
  auto model = make_model(run);
  auto optimizer = train_text::make_optimizer(model, kLearningRate);
  Beside beside(path_of(run, settings, ".beside.csv"));
  infoplane::Monitor monitor(model, infoplane::MonitorOptions()
                                        .every(settings.every)
                                        .window(settings.window)
                                        .labels(infoplane::labels::LabelOptions().input_orders({1}).output_orders({1}))
                                        .bound("unigram", curve_of(run, heldout, settings))
                                        .run(run.name())
                                        .details({{"corpus", run.corpus},
                                                  {"bytes", run.bytes},
                                                  {"layers", run.layers},
                                                  {"seed", static_cast<std::int64_t>(run.seed)}}));
  monitor.add_sink(infoplane::JsonLinesSink(unfinished, infoplane::OpenMode::kOverwrite));
  const auto steps = steps_of(run, settings);
  for (std::int64_t step = 0; step <= steps; ++step) {
    average(averaged, model, step);
    const auto [inputs, targets] = batches.next();
    auto observation = monitor.observe(step, inputs, targets);
    auto loss = train_text::cross_entropy(model(inputs), targets);
    if (monitor.end_step(step, loss, infoplane::LossKind::kCrossEntropy)) {
      auto heldout_observation = monitor.observe_heldout(step, heldout.inputs, heldout.targets);
      monitor.end_heldout(step, train_text::heldout_loss(model, heldout), infoplane::LossKind::kCrossEntropy);
      beside.add(step, train_text::heldout_loss(averaged, heldout), rivals_of(model, heldout.inputs));
    }
    train_text::update(model, optimizer, loss, rate(run, step, steps));
  }
  fs::rename(unfinished, file);
}

}  // namespace stopping_study
