#pragma once

#include <torch/optim/adamw.h>

#include <cstdint>
#include <functional>
#include <string>

#include "model.hpp"
#include "text.hpp"

namespace train_text {

/// "cpu", "cuda" or "cuda:N". @throws std::invalid_argument where LibTorch has no such device.
torch::Device find_device(const std::string& name);

/// The batch on a device.
Batch moved(const Batch& batch, const torch::Device& device);

/// AdamW with betas 0.9 and 0.95; weight decay 0.3 on matrices, none on biases and norms.
torch::optim::AdamW make_optimizer(GPT& model, double learning_rate);

/// Learning rate at a step: rises linearly over the first 50 steps, then stays at `peak`.
double warmed_up(double peak, std::int64_t step) noexcept;

/// Mean cross-entropy of the targets in nats, a scalar.
/// @param logits float32 [B, T, vocabulary]
/// @param targets int64 [B, T]
torch::Tensor cross_entropy(const torch::Tensor& logits, const torch::Tensor& targets);

/// Backward pass of `loss` and one optimizer step, with gradients clipped to norm 1. `share` comes between the two, as
/// for gradients that are averaged over ranks.
void update(
    GPT& model, torch::optim::AdamW& optimizer, const torch::Tensor& loss, double learning_rate,
    const std::function<void()>& share = [] {});

/// Loss of a batch in nats, without gradients.
double heldout_loss(GPT& model, const Batch& batch);

}  // namespace train_text
