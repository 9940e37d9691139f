// What a point costs over many ranks: bytes, memory and time, from what one rank measures here. With --check the bytes
// are compared with those of real runs of 2 to 4 ranks, and the program fails where they differ by more than 5 %.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <infoplane/distributed/shared_estimate.hpp>
#include <infoplane/labels/label_index.hpp>

#include "distributed/thread_ranks.hpp"
#include "estimator/label_estimation.hpp"
#include "estimator/label_totals.hpp"

namespace {

using infoplane::estimator::SoftEntropyAccumulator;
using infoplane::estimator::SoftEntropyOptions;

constexpr double kSample = 4096, kAnchors = 100;

struct Machine {
  double bytes_a_second = 10e9;  // of one rank's network
  double latency = 20e-6;        // of one message
};

/// What one rank measures in one layer.
struct OneRank {
  std::int64_t tokens = 0;
  std::vector<double> labels;   // of each set
  std::vector<int> widths;      // integers of a key
  double row_bytes = 0;         // of all label rows
  double estimate_seconds = 0;  // of one layer
};

/// Tokens that follow Zipf's law, as text does: p(k) ∝ 1 / (k + 2.7).
at::Tensor zipf_tokens(std::int64_t rows, std::int64_t length, std::int64_t vocabulary, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const at::Tensor u = at::rand({rows, length}, generator, at::kDouble);
  const double scale = std::log((static_cast<double>(vocabulary) + 2.7) / 2.7);
  return (((u * scale).exp() * 2.7) - 2.7).floor().clamp(0, static_cast<double>(vocabulary - 1)).to(at::kLong);
}

SoftEntropyAccumulator measured(const at::Tensor& tokens, std::int64_t width, std::uint64_t stream) {
  infoplane::labels::LabelIndex index;
  const auto* data = tokens.const_data_ptr<std::int64_t>();
  const infoplane::labels::TokenBatch batch{{data, infoplane::labels::IntegerView::Type::kInt64, tokens.size(0),
                                             tokens.size(1), tokens.stride(0), tokens.stride(1)}};
  const auto grouping = index.group(batch);
  SoftEntropyAccumulator accumulator(width, SoftEntropyOptions().stream(stream));
  accumulator.update((tokens.unsqueeze(-1) * (at::arange(width) + 1) * 0.37).sin().to(at::kFloat), *grouping);
  return accumulator;
}

OneRank one_rank(std::int64_t tokens, std::int64_t vocabulary) {
  constexpr std::int64_t kLength = 1024, kWidth = 16;  // labels and rows do not depend on d
  const auto accumulator = measured(zipf_tokens(tokens / kLength, kLength, vocabulary, 1), kWidth, 0);
  OneRank result;
  result.tokens = tokens;
  const auto start = std::chrono::steady_clock::now();
  const auto estimate = accumulator.estimate();
  result.estimate_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.row_bytes = static_cast<double>(accumulator.memory_bytes()) - kSample * (4 * kAnchors + 24);
  for (const auto& set : estimate.sets) {
    result.labels.push_back(static_cast<double>(set.labels));
    result.widths.push_back(set.name.ends_with("unigram") ? 1 : 2);
  }
  return result;
}

/// Bytes that one rank sends for a point, by exchange.
struct Bytes {
  double introduce = 0, sample = 0, labels = 0, sums = 0, handshakes = 0;
  double total() const { return introduce + sample + labels + sums + handshakes; }
};

/// `label_bytes`: of the parcels of one layer, without what is said to each owner.
Bytes predicted(const OneRank& rank, double label_bytes, int ranks, int layers) {
  const double r = ranks, others = r - 1;
  const auto sets = static_cast<double>(rank.labels.size());
  Bytes bytes;
  bytes.introduce = others * (12 + layers * (166 + sets * 24));
  // Of all rows a sample and a little more is sent, of those each rank has its share.
  const double candidates = std::min<double>(static_cast<double>(rank.tokens), (kSample + 384) / r);
  bytes.sample = others * layers * (4 + candidates * (16 + std::ceil(sets / 8) + 4 * kAnchors));
  bytes.labels = others / r * layers * label_bytes + others * layers * sets * 18;
  const double shared = std::min(kSample, r * static_cast<double>(rank.tokens));
  const double of_set =
      kAnchors + 2 +
      infoplane::estimator::LabelTotals::kBuckets * static_cast<double>(infoplane::estimator::LabelTotals::kSums) + 2 +
      shared;
  bytes.sums = 2 * 8 * others / r * layers * (kAnchors + sets * of_set);
  bytes.handshakes = 48 * others * (3 + infoplane::estimator::LabelEstimation::kStages);
  return bytes;
}

/// Bytes of the label rows in one layer's parcels: rows of float32 sums, and keys.
double label_bytes(const SoftEntropyAccumulator& accumulator) {
  struct Sizes final : infoplane::estimator::Exchange {
    int rank() const override { return 0; }
    int size() const override { return 1; }
    void sum(std::span<double>) override {}
    std::vector<std::string> gather(const std::string& mine) override { return {mine}; }
    std::vector<std::string> exchange(const std::vector<std::string>& parcels) override {
      bytes = static_cast<double>(parcels[0].size());
      return parcels;
    }
    double bytes = 0;
  } sizes;
  infoplane::estimator::shared_estimates({{"layer", &accumulator}}, sizes);
  return sizes.bytes;
}

int check() {
  bool good = true;
  for (const int ranks : {2, 3, 4}) {
    constexpr std::int64_t kTokens = 16384;
    std::vector<double> sent(static_cast<std::size_t>(ranks));
    infoplane::test::run_thread_ranks(ranks, [&](infoplane::distributed::Communicator& communicator) {
      const auto rank = static_cast<std::uint64_t>(communicator.rank());
      const auto mine = measured(zipf_tokens(kTokens / 1024, 1024, 32000, 7 + rank), 16, rank);
      infoplane::distributed::shared_estimates({{"blocks.0", &mine}, {"blocks.1", &mine}}, communicator);
      sent.at(rank) = static_cast<double>(communicator.bytes_sent());
    });
    double mean = 0;
    for (const double bytes : sent) {
      mean += bytes / ranks;
    }
    const auto tokens = zipf_tokens(kTokens / 1024, 1024, 32000, 7);
    const double expected = predicted(one_rank(kTokens, 32000), label_bytes(measured(tokens, 16, 0)), ranks, 2).total();
    const double off = expected / mean - 1;
    fmt::print("{} ranks: {:.3f} MB sent by each, {:.3f} MB predicted ({:+.1f} %)\n", ranks, mean / 1e6, expected / 1e6,
               100 * off);
    good = good && std::abs(off) <= 0.05;
  }
  return good ? 0 : 1;
}

void table(std::int64_t tokens, const Machine& machine) {
  fmt::print(
      "A point over {} tokens a rank and layer, m = 100, uni- and bigrams; network {:.0f} GB/s, {:.0f} us a message\n",
      tokens, machine.bytes_a_second / 1e9, machine.latency * 1e6);
  fmt::print("{:>7} {:>6} {:>6} {:>6} {:>12} {:>12} {:>12} {:>10}\n", "V", "d", "layers", "ranks", "MB sent",
             "MB received", "MB held", "s");
  for (const std::int64_t vocabulary : {32000, 128000, 256000}) {
    const OneRank rank = one_rank(tokens, vocabulary);
    const double parcels = label_bytes(measured(zipf_tokens(tokens / 1024, 1024, vocabulary, 1), 16, 0));
    for (const auto& [d, layers] :
         {std::pair{1024, 24}, std::pair{4096, 48}, std::pair{5120, 64}, std::pair{8192, 96}}) {
      for (const int ranks : {8, 64, 512, 4096}) {
        const Bytes bytes = predicted(rank, parcels, ranks, layers + 1);
        // Gathered bytes come from all others; a rank keeps its rows, anchors, and its share of all labels.
        const double received = bytes.introduce + bytes.sample + bytes.labels + bytes.sums;
        const double held = (layers + 1) * (rank.row_bytes + kSample * (4 * kAnchors + 24) * 2) + 4 * kAnchors * d +
                            std::min(256e6, (layers + 1) * rank.row_bytes) * 2;
        const double messages = (3.0 + 2 * infoplane::estimator::LabelEstimation::kStages) * ranks;
        const double seconds = (layers + 1) * rank.estimate_seconds +
                               std::max(bytes.total(), received) / machine.bytes_a_second + messages * machine.latency;
        fmt::print("{:>7} {:>6} {:>6} {:>6} {:>12.1f} {:>12.1f} {:>12.1f} {:>10.2f}\n", vocabulary, d, layers, ranks,
                   bytes.total() / 1e6, received / 1e6, held / 1e6, seconds);
      }
    }
  }
  fmt::print("d 5120 with 64 layers is a model of 32 B parameters.\n");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Bytes, memory and time of a point over many ranks");
  bool only_check = false;
  std::int64_t tokens = 65536;
  Machine machine;
  app.add_flag("--check", only_check, "compare the bytes with those of real runs of 2 to 4 ranks");
  app.add_option("--tokens", tokens, "tokens of a rank in a point, a multiple of 1024");
  app.add_option("--bandwidth", machine.bytes_a_second, "bytes a second that a rank sends");
  app.add_option("--latency", machine.latency, "seconds a message");
  CLI11_PARSE(app, argc, argv);
  if (only_check) {
    return check();
  }
  table(tokens, machine);
  return 0;
}
