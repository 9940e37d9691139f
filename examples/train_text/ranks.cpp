#include "ranks.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <csignal>
#include <infoplane/distributed/environment.hpp>
#include <utility>
#include <vector>

namespace train_text {

Ranks Ranks::launched() {
  return Ranks(infoplane::distributed::from_environment(),
               infoplane::distributed::read_launch_environment().local_rank);
}

Ranks::Ranks(std::shared_ptr<infoplane::distributed::Communicator> communicator, int local_rank)
    : communicator_(std::move(communicator)), local_rank_(local_rank) {}

std::string Ranks::device(const std::string& name) const {
  return name == "cuda" && size() > 1 ? "cuda:" + std::to_string(local_rank_) : name;
}

Batch Ranks::rows_of(const Batch& batch) const {
  const auto rows = batch.inputs.size(0) / size();
  return {batch.inputs.narrow(0, rank() * rows, rows), batch.targets.narrow(0, rank() * rows, rows)};
}

int Ranks::average_gradients(const torch::nn::Module& model, int signal) {
  if (size() == 1) {
    return signal;
  }
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> parts;
  for (const auto& parameter : model.parameters()) {
    gradients.push_back(parameter.grad());
    parts.push_back(gradients.back().flatten());
  }
  // The signals travel in the same sum.
  auto signals = at::zeros({2});
  signals[0] = signal == SIGINT ? 1 : 0;
  signals[1] = signal == SIGTERM ? 1 : 0;
  parts.push_back(signals.to(parts.front().device()));
  auto all = at::cat(parts);
  communicator_->sum(all);
  std::int64_t begin = 0;
  for (auto& gradient : gradients) {
    gradient.copy_(all.narrow(0, begin, gradient.numel()).view_as(gradient)).div_(size());
    begin += gradient.numel();
  }
  signals = all.narrow(0, begin, 2).cpu();
  return signals[0].item<float>() > 0 ? SIGINT : signals[1].item<float>() > 0 ? SIGTERM : 0;
}

}  // namespace train_text
