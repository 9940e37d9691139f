#include <algorithm>
#include <cmath>
#include <cstdio>
#include <infoplane/core/hash.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <vector>

#include "benchmark.hpp"
#include "estimator/oracle.hpp"

namespace infoplane::benchmark {
namespace {

using estimator::SoftEntropyAccumulator;

constexpr std::int64_t kDimension = 16;  // an estimate does not depend on it
constexpr std::int64_t kSequence = 128;

/// Tokens with probabilities 1, 1/2, 1/3, …, or pairs of them.
std::vector<std::int64_t> text(std::int64_t n, std::int64_t vocabulary, bool pairs) {
  std::vector<double> cumulative;
  double total = 0;
  for (std::int64_t x = 0; x < vocabulary; ++x) {
    cumulative.push_back(total += 1 / static_cast<double>(x + 1));
  }
  std::vector<std::int64_t> tokens;
  for (std::int64_t i = 0; i <= n; ++i) {
    const double uniform = static_cast<double>(splitmix64(static_cast<std::uint64_t>(i)) >> 11U) * 0x1p-53 * total;
    tokens.push_back(std::lower_bound(cumulative.begin(), cumulative.end() - 1, uniform) - cumulative.begin());
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    tokens[i] = pairs ? tokens[i] * vocabulary + tokens[i + 1] : tokens[i];
  }
  tokens.pop_back();
  return tokens;
}

SoftEntropyAccumulator filled(const std::vector<std::int64_t>& labels) {
  SoftEntropyAccumulator accumulator(kDimension);
  const auto n = static_cast<std::int64_t>(labels.size());
  for (std::int64_t begin = 0; begin < n; begin += 16384) {
    const std::int64_t end = std::min(n, begin + 16384);
    const std::vector<std::int64_t> some(labels.begin() + begin, labels.begin() + end);
    accumulator.update(
        estimator::normal({(end - begin) / kSequence, kSequence, kDimension}, static_cast<std::uint64_t>(begin)),
        {{"x", estimator::to_tensor(some)}});
  }
  return accumulator;
}

bool verify() {
  const auto labels = text(4096, 500, true);
  const at::Tensor z = estimator::normal({4096, kDimension});
  SoftEntropyAccumulator accumulator(kDimension);
  accumulator.update(z, {{"x", estimator::to_tensor(labels)}});
  const estimator::Oracle oracle(z, accumulator.anchors().weight(), accumulator.temperature());
  const double error =
      std::abs(accumulator.estimate().sets[0].information_nats - oracle.information(labels).information);
  std::printf("error against float64 %.1e nats\n", error);
  return error < 1e-6;
}

}  // namespace

bool estimate() {
  if (!verify()) {
    std::printf("wrong result: nothing to time\n");
    return false;
  }
  struct Mix {
    const char* name;
    std::int64_t tokens, vocabulary;
    bool pairs;
    double promised;  // µs a label; 0: nothing
  };
  bool fine = true;
  for (const Mix& mix : {Mix{"unigrams of 50k, 1M tokens", 1 << 20, 50000, false, 0.3},
                         {"bigrams of 50k, 1M tokens", 1 << 20, 50000, true, 0.3},
                         {"unigrams of bytes, 16k tokens", 16384, 256, false, 0},
                         {"bigrams of bytes, 16k tokens", 16384, 256, true, 0}}) {
    const SoftEntropyAccumulator accumulator = filled(text(mix.tokens, mix.vocabulary, mix.pairs));
    estimator::Estimate result;
    const double took = fastest(mix.tokens > 100000 ? 7 : 25, [&] { result = accumulator.estimate(); });
    const auto labels = static_cast<double>(result.sets[0].labels);
    std::printf("%-30s %8.0f labels, %3.0f %% of tokens with labels of 4 and more: %8.2f ms, %7.3f us a label\n",
                mix.name, labels, 100 * result.sets[0].share_4, took, 1000 * took / labels);
    if (mix.promised > 0) {
      fine = at_most("us a label", 1000 * took / labels, mix.promised) && fine;
    }
  }
  SoftEntropyAccumulator plain(kDimension);
  plain.update(estimator::normal({64, kSequence, kDimension}));
  std::printf("without labels (null curve and error of H(Z)): %.2f ms\n", fastest(25, [&] { plain.estimate(); }));
  std::printf(
      "A label of 4 tokens and more takes 11 entropies (the whole, four parts, six pairs of parts: %d logarithms at\n"
      "m = 100), a rarer one takes one. The former is bound by arithmetic, at any memory bandwidth.\n",
      1100);
  return fine;
}

}  // namespace infoplane::benchmark
