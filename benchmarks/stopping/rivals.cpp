#include "rivals.hpp"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace stopping_study {
namespace {

constexpr double kTiny = 1e-12;

/// In nats, of values that are taken as shares of their sum.
double entropy(const torch::Tensor& values) {
  const auto shares = (values / values.sum().clamp_min(kTiny)).clamp_min(kTiny);
  return -(shares * shares.log()).sum().item<double>();
}

double decay(const torch::Tensor& eigenvalues) {
  const auto kept = eigenvalues.masked_select(eigenvalues > 1e-6 * eigenvalues.max());
  const auto x = torch::arange(1, kept.size(0) + 1, kept.options()).log();
  const auto y = kept.log();
  const auto centred = x - x.mean();
  return -((centred * (y - y.mean())).sum() / (centred * centred).sum().clamp_min(kTiny)).item<double>();
}

double local_dimension(const torch::Tensor& z) {
  constexpr std::int64_t kNeighbours = 20;
  const auto rows = std::get<0>(at::unique_dim(z, 0));
  const auto nearest = std::get<0>(torch::cdist(rows, rows).topk(std::min(kNeighbours + 1, rows.size(0)), 1, false));
  const auto log_ratios = (nearest.slice(1, 1).clamp_min(kTiny) / nearest.slice(1, -1).clamp_min(kTiny)).log();
  return -1 / log_ratios.slice(1, 0, -1).mean().item<double>();
}

}  // namespace

std::vector<std::pair<std::string, double>> rivals(const at::Tensor& z) {
  const torch::NoGradGuard no_grad;
  const auto rows = z.to(torch::kDouble);
  const auto singular = torch::linalg_svdvals(rows);
  const auto centred = torch::linalg_svdvals(rows - rows.mean(0, true));
  return {
      {"rankme", std::exp(entropy(singular))},
      {"alpha_req", decay(centred * centred)},
      {"matrix_entropy", entropy(singular * singular) / std::log(static_cast<double>(std::min(z.size(0), z.size(1))))},
      {"local_dimension", local_dimension(rows)}};
}

}  // namespace stopping_study
