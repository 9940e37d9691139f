// Mutual information as the earlier literature on the information plane measured it, on the same activations:
// * equal-width binning of every dimension (Shwartz-Ziv and Tishby, 2017; Saxe et al., 2018): Z is the vector of bins;
// * k-means (as by clusters of representations): Z is the cluster.
// Both as plug-in values over the joint counts, I(X;Z) = H(X) + H(Z) − H(X,Z). Here only, to compare.

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <infoplane/core/hash.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <map>
#include <unordered_map>
#include <vector>

#include "benchmark.hpp"
#include "simulation.hpp"

namespace infoplane::benchmark {
namespace {

constexpr int kSeeds = 5;
constexpr std::int64_t kClusters = 100;

struct Value {
  double information = 0;  // nats
  double kilobytes = 0;    // that have to be held until the end of the window
};

double entropy(const std::vector<std::uint64_t>& codes) {
  std::unordered_map<std::uint64_t, std::int64_t> counts;
  for (const std::uint64_t code : codes) {
    ++counts[code];
  }
  double sum = 0;
  for (const auto& [code, count] : counts) {
    sum += static_cast<double>(count) * std::log(static_cast<double>(count));
  }
  return std::log(static_cast<double>(codes.size())) - sum / static_cast<double>(codes.size());
}

double information(const std::vector<std::uint64_t>& z, const at::Tensor& labels) {
  const auto* const x = labels.const_data_ptr<std::int64_t>();
  std::vector<std::uint64_t> of_x, of_both;
  for (std::size_t i = 0; i < z.size(); ++i) {
    of_x.push_back(static_cast<std::uint64_t>(x[i]));
    of_both.push_back(splitmix64(z[i] ^ splitmix64(static_cast<std::uint64_t>(x[i]))));
  }
  return entropy(of_x) + entropy(z) - entropy(of_both);
}

/// Edges from the lowest and the highest activation of the window, so that all of it has to be held.
Value binning(const at::Tensor& z, const at::Tensor& labels, std::int64_t bins) {
  const double lowest = z.min().item<double>(), highest = z.max().item<double>();
  const at::Tensor bin = ((z - lowest) / (highest - lowest) * static_cast<double>(bins))
                             .floor()
                             .clamp(0, static_cast<double>(bins - 1))
                             .to(at::kLong)
                             .contiguous();
  std::vector<std::uint64_t> codes;
  const auto* const values = bin.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < z.size(0); ++i) {
    std::uint64_t code = 0;
    for (std::int64_t k = 0; k < z.size(1); ++k) {
      code = splitmix64(code ^ static_cast<std::uint64_t>(values[i * z.size(1) + k]));
    }
    codes.push_back(code);
  }
  return {information(codes, labels), static_cast<double>(z.nbytes()) / 1024};
}

Value k_means(const at::Tensor& z, const at::Tensor& labels, std::uint64_t seed) {
  constexpr int kRounds = 30;
  auto random = at::make_generator<at::CPUGeneratorImpl>(seed);
  at::Tensor centres =
      z.index_select(0, at::randperm(z.size(0), random, at::TensorOptions(at::kLong)).slice(0, 0, kClusters));
  at::Tensor cluster;
  for (int round = 0; round < kRounds; ++round) {
    cluster = (centres.square().sum(1) - 2 * z.matmul(centres.t())).argmin(1);
    const at::Tensor sizes = at::bincount(cluster, {}, kClusters).clamp_min(1).unsqueeze(1);
    centres = at::zeros_like(centres).index_add_(0, cluster, z) / sizes;
  }
  const auto* const codes = cluster.const_data_ptr<std::int64_t>();
  return {information({codes, codes + z.size(0)}, labels), static_cast<double>(z.nbytes() + centres.nbytes()) / 1024};
}

Value soft(const at::Tensor& z, const at::Tensor& labels, std::uint64_t seed, bool corrected) {
  estimator::SoftEntropyAccumulator accumulator(z.size(1), estimator::SoftEntropyOptions().seed(seed));
  accumulator.update(z, {{"x", labels}});
  const auto& set = accumulator.estimate().sets[0];
  return {corrected ? set.corrected_nats : set.information_nats,
          static_cast<double>(accumulator.memory_bytes()) / 1024};
}

}  // namespace

bool old_estimators() {
  // What is counted right is counted right: of 8 codes that are the label itself, all is known.
  const at::Tensor eight = at::arange(800).remainder(8);
  std::vector<std::uint64_t> same;
  for (std::int64_t i = 0; i < 800; ++i) {
    same.push_back(static_cast<std::uint64_t>(i % 8));
  }
  if (std::abs(information(same, eight) - std::log(8.0)) > 1e-9) {
    std::printf("wrong result: nothing to compare\n");
    return false;
  }
  struct Row {
    const char* name;
    std::function<Value(const at::Tensor&, const at::Tensor&, std::uint64_t)> run;
  };
  const std::vector<Row> rows = {
      {"binning, 30 bins a dimension", [](auto& z, auto& x, auto /*seed*/) { return binning(z, x, 30); }},
      {"binning, 3 bins a dimension", [](auto& z, auto& x, auto /*seed*/) { return binning(z, x, 3); }},
      {"k-means, 100 clusters", [](auto& z, auto& x, auto seed) { return k_means(z, x, seed); }},
      {"soft entropy, plug-in", [](auto& z, auto& x, auto seed) { return soft(z, x, seed, false); }},
      {"soft entropy, corrected", [](auto& z, auto& x, auto seed) { return soft(z, x, seed, true); }},
  };
  std::printf(
      "64 labels of 128 tokens each, d = 64; nats. H(X) = %.2f is the most that can be known.\n"
      "Labels say much, little, or (dealt out anew) nothing; spread: over %d seeds of anchors or first centres.\n",
      std::log(64.0), kSeeds);
  std::printf("%-30s %9s %9s %9s %9s %11s %9s\n", "", "much", "little", "nothing", "spread", "memory", "time");
  std::vector<at::Tensor> z, x;
  for (const auto& [signal, seed] : std::vector<std::pair<double, std::uint64_t>>{{0.6, 1}, {0.15, 2}, {0.0, 3}}) {
    const simulation::Truth truth({"", 64, signal, 0, false});
    const auto sample = truth.draw({8192, 128, 1}, seed);
    z.push_back(sample.z.flatten(0, 1).contiguous());
    x.push_back(sample.labels.flatten().contiguous());
  }
  std::vector<double> shares;  // of what is read where labels say much, where they say nothing
  for (const Row& row : rows) {
    std::vector<double> values;
    Value value;
    double took = 0;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      took = fastest(1, [&] { value = row.run(z[0], x[0], seed); });
      values.push_back(value.information);
    }
    double mean = 0, squares = 0;
    for (const double v : values) {
      mean += v / kSeeds;
      squares += v * v / kSeeds;
    }
    const double little = row.run(z[1], x[1], 0).information, nothing = row.run(z[2], x[2], 0).information;
    shares.push_back(std::abs(nothing) / mean);
    std::printf("%-30s %9.4f %9.4f %9.4f %8.2f%% %8.0f KiB %6.1f ms\n", row.name, mean, little, nothing,
                100 * std::sqrt(std::max(0.0, squares - mean * mean)) / mean, value.kilobytes, took);
  }
  std::printf("Where labels say nothing, each still reads, of what it reads where they say much:\n");
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::printf("  %-30s %5.1f %%\n", rows[r].name, 100 * shares[r]);
  }
  std::printf(
      "Edges of bins and centres of clusters come from all activations of the window: these have to be held until its\n"
      "end (memory), and values of two batches or ranks cannot be added.\n");
  return at_most("corrected soft entropy, in units of the best of the old", shares.back(),
                 *std::min_element(shares.begin(), shares.begin() + 3));
}

}  // namespace infoplane::benchmark
