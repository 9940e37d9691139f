#include "real_activations.hpp"

#include "activation_files.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <infoplane/estimator/accumulator.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

namespace infoplane::simulation {
namespace {

constexpr std::int64_t kWindow = 16384;

}  // namespace

bool study_real_activations(const std::string& folder) {
  const at::Tensor tokens = read_tokens(folder + "/seqs.npy");
  const std::int64_t sequences = tokens.size(0), per_window = std::max<std::int64_t>(1, kWindow / tokens.size(1));
  const auto files = activation_files(folder);
  std::printf("%lld sequences of %lld tokens, windows of %lld sequences\n", static_cast<long long>(sequences),
              static_cast<long long>(tokens.size(1)), static_cast<long long>(per_window));
  std::printf("%-12s %-15s %9s | %7s %7s | %8s %7s\n", "layer", "labels", "all, nats", "bias", "spread", "err/spr.",
              "cover");
  bool fine = true;
  for (const auto& file : files) {
    LayerFile layer(file, tokens);
    estimator::SoftEntropyAccumulator all(layer.dimension());
    std::vector<estimator::Estimate> windows;
    for (std::int64_t first = 0; first + per_window <= sequences; first += per_window) {
      estimator::SoftEntropyAccumulator one(layer.dimension(),
                                            estimator::SoftEntropyOptions().stream(static_cast<std::uint64_t>(first)));
      one.update(layer.rows(first, per_window), labels_of(tokens.slice(0, first, first + per_window)));
      all.update(layer.rows(first, per_window), labels_of(tokens.slice(0, first, first + per_window)));
      windows.push_back(one.estimate());
    }
    const estimator::Estimate whole = all.estimate();
    for (std::size_t s = 0; s < whole.sets.size(); ++s) {
      const double truth = whole.sets[s].corrected_nats;
      double sum = 0, squares = 0, errors = 0, covered = 0;
      const auto count = static_cast<double>(windows.size());
      for (const estimator::Estimate& window : windows) {
        const auto& set = window.sets[s];
        sum += set.corrected_nats / count;
        squares += set.corrected_nats * set.corrected_nats / count;
        errors += set.standard_error_nats / count;
        covered += std::abs(set.corrected_nats - truth) <= 1.6449 * set.standard_error_nats ? 1 / count : 0.0;
      }
      const double spread = std::sqrt(std::max(0.0, squares - sum * sum) * count / std::max(1.0, count - 1));
      const double most = whole.sets[s].name.ends_with("bigram") ? 0.04 : 0.02;
      const bool met = std::abs(sum / truth - 1) <= most;
      fine = fine && met;
      std::printf("%-12s %-15s %9.4f | %+6.1f%% %6.1f%% | %8.2f %6.1f%%%s\n", file.stem().c_str(),
                  whole.sets[s].name.c_str(), truth, 100 * (sum / truth - 1), 100 * spread / truth, errors / spread,
                  100 * covered, met ? "" : "  FAILED: bias");
      std::fflush(stdout);
    }
  }
  return fine;
}

}  // namespace infoplane::simulation
