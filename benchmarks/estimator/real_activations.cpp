#include "real_activations.hpp"

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

/// Token sequences from a file of NumPy's, of int32 in the order of C.
at::Tensor read_tokens(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string head(10, '\0');
  in.read(head.data(), 10);
  std::string text(in ? static_cast<unsigned char>(head[8]) + 256U * static_cast<unsigned char>(head[9]) : 0U, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  long long rows = 0, length = 0;
  const auto shape = text.find("'shape'");
  if (!in || text.find("'<i4'") == std::string::npos || shape == std::string::npos ||
      std::sscanf(text.c_str() + shape, "'shape': (%lld, %lld)", &rows, &length) != 2) {
    throw std::runtime_error(path + " is no table of int32 as NumPy saves it");
  }
  at::Tensor tokens = at::empty({rows, length}, at::kInt);
  in.read(static_cast<char*>(tokens.data_ptr()), rows * length * 4);
  if (!in) {
    throw std::runtime_error(path + " ends too early");
  }
  return tokens.to(at::kLong);
}

/// Label sets of all positions; −1 where there is none.
std::vector<std::pair<std::string, at::Tensor>> labels_of(const at::Tensor& tokens) {
  const auto shifted = [&tokens](std::int64_t by) {
    at::Tensor result = at::full_like(tokens, -1);
    const std::int64_t length = tokens.size(1), kept = length - std::abs(by);
    result.slice(1, std::max<std::int64_t>(0, -by), std::max<std::int64_t>(0, -by) + kept)
        .copy_(tokens.slice(1, std::max<std::int64_t>(0, by), std::max<std::int64_t>(0, by) + kept));
    return result;
  };
  const auto pair = [](const at::Tensor& first, const at::Tensor& second) {
    return at::where(first.lt(0).logical_or(second.lt(0)), at::full_like(first, -1), first * (1 << 20) + second);
  };
  return {{"input_unigram", tokens},
          {"output_unigram", shifted(1)},
          {"input_bigram", pair(shifted(-1), tokens)},
          {"output_bigram", pair(shifted(1), shifted(2))}};
}

class Layer {
 public:
  Layer(const std::string& path, const at::Tensor& tokens) : in_(path, std::ios::binary), tokens_(tokens) {
    const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(path));
    d_ = bytes / 4 / tokens.numel();
    if (d_ < 2 || d_ * 4 * tokens.numel() != bytes) {
      throw std::runtime_error(path + " is not one row for each token");
    }
  }
  /// Adds sequences `first` … `first + count`.
  void add(estimator::SoftEntropyAccumulator& to, std::int64_t first, std::int64_t count) {
    const std::int64_t length = tokens_.size(1);
    at::Tensor z = at::empty({count, length, d_});
    in_.seekg(first * length * d_ * 4);
    in_.read(static_cast<char*>(z.data_ptr()), z.numel() * 4);
    estimator::NamedLabelTensors labels;
    for (const auto& [name, of] : labels_of(tokens_.slice(0, first, first + count))) {
      labels.emplace_back(name, of);
    }
    to.update(z, labels);
  }
  std::int64_t dimension() const noexcept { return d_; }

 private:
  std::ifstream in_;
  const at::Tensor& tokens_;
  std::int64_t d_ = 0;
};

}  // namespace

bool study_real_activations(const std::string& folder) {
  const at::Tensor tokens = read_tokens(folder + "/seqs.npy");
  const std::int64_t sequences = tokens.size(0), per_window = std::max<std::int64_t>(1, kWindow / tokens.size(1));
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/act")) {
    if (entry.path().extension() == ".f32") {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::printf("%lld sequences of %lld tokens, windows of %lld sequences\n", static_cast<long long>(sequences),
              static_cast<long long>(tokens.size(1)), static_cast<long long>(per_window));
  std::printf("%-12s %-15s %9s | %7s %7s | %8s %7s\n", "layer", "labels", "all, nats", "bias", "spread", "err/spr.",
              "cover");
  bool fine = true;
  for (const auto& file : files) {
    Layer layer(file.string(), tokens);
    estimator::SoftEntropyAccumulator all(layer.dimension());
    std::vector<estimator::Estimate> windows;
    for (std::int64_t first = 0; first + per_window <= sequences; first += per_window) {
      estimator::SoftEntropyAccumulator one(layer.dimension(),
                                            estimator::SoftEntropyOptions().stream(static_cast<std::uint64_t>(first)));
      layer.add(one, first, per_window);
      layer.add(all, first, per_window);
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
