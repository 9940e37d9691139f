#include "training.hpp"

#include <torch/cuda.h>
#include <torch/nn/functional/loss.h>
#include <torch/nn/utils/clip_grad.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <vector>

namespace train_text {
namespace {

constexpr double kWeightDecay = 0.3;
constexpr double kClipNorm = 1.0;
constexpr double kWarmUpSteps = 50;

}  // namespace

torch::Device find_device(const std::string& name) {
  const torch::Device device(name);
  const auto count = static_cast<int>(torch::cuda::device_count());
  if (device.is_cuda() && (device.has_index() ? device.index() : 0) >= count) {
    throw std::invalid_argument("--device " + name + ": LibTorch finds " + std::to_string(count) +
                                " CUDA devices here");
  }
  return device;
}

Batch moved(const Batch& batch, const torch::Device& device) {
  return {batch.inputs.to(device), batch.targets.to(device)};
}

torch::optim::AdamW make_optimizer(GPT& model, double learning_rate) {
  std::vector<torch::Tensor> matrices, vectors;
  for (const auto& parameter : model->parameters()) {
    (parameter.dim() > 1 ? matrices : vectors).push_back(parameter);
  }
  const auto options = torch::optim::AdamWOptions(learning_rate).betas(std::make_tuple(0.9, 0.95)).weight_decay(0);
  auto decayed = std::make_unique<torch::optim::AdamWOptions>(options);
  decayed->weight_decay(kWeightDecay);
  const std::vector<torch::optim::OptimizerParamGroup> groups{{matrices, std::move(decayed)}, {vectors}};
  return torch::optim::AdamW(groups, options);
}

double warmed_up(double peak, std::int64_t step) noexcept {
  return peak * std::min(1.0, static_cast<double>(step + 1) / kWarmUpSteps);
}

torch::Tensor cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets) {
  return torch::nn::functional::cross_entropy(logits.flatten(0, 1), targets.flatten());
}

void update(GPT& model, torch::optim::AdamW& optimizer, const torch::Tensor& loss, double learning_rate,
            const std::function<void()>& share) {
  for (auto& group : optimizer.param_groups()) {
    group.options().set_lr(learning_rate);
  }
  optimizer.zero_grad();
  loss.backward();
  share();
  torch::nn::utils::clip_grad_norm_(model->parameters(), kClipNorm);
  optimizer.step();
}

double heldout_loss(GPT& model, const Batch& batch) {
  const torch::NoGradGuard no_grad;
  return cross_entropy(model(batch.inputs), batch.targets).item<double>();
}

}  // namespace train_text
