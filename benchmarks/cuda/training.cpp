#include "training.hpp"

#include <ATen/autocast_mode.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/nn/functional/loss.h>
#include <torch/optim/adamw.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <infoplane/monitor/monitor.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "model.hpp"

namespace infoplane::benchmarks {
namespace {

constexpr std::int64_t kBatch = 8;
constexpr std::int64_t kContext = 1024;
constexpr std::int64_t kVocabulary = 16384;
constexpr std::int64_t kLayers = 8;
constexpr std::int64_t kNeverInAStep = 1000000;  // points come where they are asked for

/// bfloat16 autocast on CUDA, as long as it lives.
class Autocast {
 public:
  Autocast() {
    at::autocast::set_autocast_enabled(at::kCUDA, true);
    at::autocast::set_autocast_dtype(at::kCUDA, at::kBFloat16);
    at::autocast::increment_nesting();
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;
  ~Autocast() {
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    at::autocast::set_autocast_enabled(at::kCUDA, false);
  }
};

struct Training {
  Training(std::int64_t d, bool watched) {
    torch::manual_seed(1);
    model = train_text::GPT(
        train_text::GPTOptions().vocabulary(kVocabulary).context(kContext).width(d).layers(kLayers).heads(d / 64));
    model->to(at::kCUDA);
    optimizer.emplace(model->parameters(), torch::optim::AdamWOptions(1e-4));
    for (int i = 0; i < 8; ++i) {  // tokens as frequent as those of text
      const torch::Tensor rank =
          torch::rand({kBatch, kContext + 1}, torch::kDouble).mul(std::log(double(kVocabulary))).exp();
      batches.push_back(rank.to(torch::kLong).clamp(0, kVocabulary - 1));
    }
    if (watched) {
      monitor = std::make_unique<Monitor>(model, MonitorOptions().every(kNeverInAStep).window(kNeverInAStep));
    }
  }

  /// The loss, which is on the GPU.
  torch::Tensor step() {
    ++steps;
    const torch::Tensor& tokens = batches[static_cast<std::size_t>(steps) % batches.size()];
    const torch::Tensor inputs = tokens.slice(1, 0, kContext), targets = tokens.slice(1, 1);
    std::optional<Observation> observation;
    if (monitor) {
      observation.emplace(monitor->observe(steps, inputs, targets));
    }
    const torch::Tensor on_gpu = inputs.contiguous().pin_memory().to(at::kCUDA, /*non_blocking=*/true);
    const torch::Tensor wanted = targets.contiguous().pin_memory().to(at::kCUDA, /*non_blocking=*/true);
    torch::Tensor loss;
    {
      const Autocast autocast;
      loss = torch::nn::functional::cross_entropy(model(on_gpu).flatten(0, 1), wanted.flatten());
    }
    if (monitor) {
      (void)monitor->end_step(steps, 0.0);
    }
    optimizer->zero_grad();
    loss.backward();
    optimizer->step();
    return loss;
  }

  train_text::GPT model{nullptr};
  std::optional<torch::optim::AdamW> optimizer;
  std::vector<torch::Tensor> batches;
  std::unique_ptr<Monitor> monitor;
  std::int64_t steps = 0;
};

double milliseconds_a_step(Training& training, int steps) {
  c10::cuda::getCurrentCUDAStream().synchronize();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < steps; ++i) {
    (void)training.step();
  }
  c10::cuda::getCurrentCUDAStream().synchronize();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / steps;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

bool time_training() {
  constexpr int kRounds = 7, kSteps = 10;
  for (const std::int64_t d : {1024, 2048, 4096}) {
    Training plain(d, /*watched=*/false), watched(d, /*watched=*/true);
    for (int i = 0; i < 5; ++i) {  // also warms up, and learns the model's sites
      const double expected = plain.step().item<double>(), got = watched.step().item<double>();
      if (expected != got) {
        std::fprintf(stderr, "d %ld, step %d: a watched loss of %.9g instead of %.9g\n", static_cast<long>(d), i, got,
                     expected);
        return false;
      }
    }
    std::vector<double> without, with;
    for (int round = 0; round < kRounds; ++round) {  // in turns, so that what else the card does hits both
      without.push_back(milliseconds_a_step(plain, kSteps));
      with.push_back(milliseconds_a_step(watched, kSteps));
    }
    std::printf("GPT of d %ld, %ld blocks, %ld x %ld tokens: %.2f ms a step, watched %.2f ms, %.4f times that\n",
                static_cast<long>(d), static_cast<long>(kLayers), static_cast<long>(kBatch),
                static_cast<long>(kContext), median(without), median(with), median(with) / median(without));
  }
  return true;
}

}  // namespace infoplane::benchmarks
