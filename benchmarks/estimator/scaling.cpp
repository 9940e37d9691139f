#include <cmath>
#include <cstdio>
#include <infoplane/estimator/accumulator.hpp>
#include <vector>

#include "benchmark.hpp"
#include "estimator/oracle.hpp"

namespace infoplane::benchmark {
namespace {

using estimator::SoftEntropyAccumulator;

constexpr std::int64_t kDimension = 256;
constexpr double kMost = 1.35;  // of what proportion gives; a busy machine

/// Milliseconds of one step: every layer updated with the same labels.
double step(std::int64_t tokens, std::size_t layers, const labels::Grouping& labels) {
  const at::Tensor z = estimator::normal({tokens, kDimension});
  std::vector<SoftEntropyAccumulator> accumulators(layers, SoftEntropyAccumulator(kDimension));
  return fastest(25, [&] {
    for (SoftEntropyAccumulator& accumulator : accumulators) {
      accumulator.update(z, labels);
    }
  });
}

/// What sets of 64 labels take beyond an update without any; their sums lie in the caches near the cores, as those of a
/// set alone do. The two take turns.
double of_sets(int sets) {
  constexpr std::int64_t kTokens = 8192;
  const at::Tensor z = estimator::normal({kTokens, kDimension});
  const labels::Grouping none = uniform_labels(kTokens, 0, 64), all = uniform_labels(kTokens, sets, 64);
  SoftEntropyAccumulator without(kDimension), with(kDimension);
  const auto [first, second] = fastest_of_two(
      40, [&] { without.update(z, none); }, [&] { with.update(z, all); });
  return second - first;
}

}  // namespace

bool scaling() {
  bool fine = true;
  const auto line = [&fine](const char* what, double units, double took, double first, double first_units) {
    const double ratio = took / first / (units / first_units);
    std::printf("%-12s %8.0f: %8.2f ms, %.2f of what proportion gives\n", what, units, took, ratio);
    fine = (units == first_units || ratio <= kMost) && fine;
  };
  step(4096, 1, uniform_labels(4096, 2, 1024));  // warms up
  const double tokens = step(4096, 1, uniform_labels(4096, 2, 1024));
  for (const std::int64_t n : {4096, 8192, 16384}) {
    line("tokens", static_cast<double>(n), n == 4096 ? tokens : step(n, 1, uniform_labels(n, 2, 1024)), tokens, 4096);
  }
  const double layers = step(4096, 1, uniform_labels(4096, 2, 1024));
  for (const std::size_t l : {1U, 2U, 4U, 8U}) {
    line("layers", static_cast<double>(l), l == 1 ? layers : step(4096, l, uniform_labels(4096, 2, 1024)), layers, 1);
  }
  const double eight = of_sets(8);  // fewer are lost in the noise of the product
  for (const int n : {8, 16, 32, 64}) {
    line("label sets", n, n == 8 ? eight : of_sets(n), eight, 8);
  }
  const double few = step(8192, 1, uniform_labels(8192, 1, 64));
  for (const std::int64_t v : {64, 1024, 16384, 262144, 4194304}) {
    const double took = v == 64 ? few : step(8192, 1, uniform_labels(8192, 1, v));
    std::printf("%-12s %8ld: %8.2f ms, %.2f of that of 64 labels\n", "vocabulary", static_cast<long>(v), took,
                took / few);
    fine = took / few <= kMost && fine;
  }
  std::printf("%s: at most %.2f times what proportion gives; flat in the vocabulary\n", fine ? "linear" : "NOT LINEAR",
              kMost);
  return fine;
}

}  // namespace infoplane::benchmark
