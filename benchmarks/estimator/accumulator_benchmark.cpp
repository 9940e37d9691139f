// Time of an update in units of LibTorch's own float32 product z Wᵀ, after the result was verified against the oracle.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <infoplane/labels/key_table.hpp>
#include <limits>

#include "estimator/oracle.hpp"

namespace {

using namespace infoplane;

/// Milliseconds of the fastest of 25 runs.
double fastest(const std::function<void()>& run) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 25; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count());
  }
  return best;
}

labels::Grouping grouping(std::int64_t n, int sets) {
  labels::Grouping result;
  result.positions = n;
  for (int s = 0; s < sets; ++s) {
    auto table = std::make_shared<labels::KeyTable>(1);
    labels::LabelAssignment set{"set" + std::to_string(s), table, {}, 0, n};
    for (const std::int64_t& label : estimator::some_labels(n, std::int64_t{64} << s, static_cast<std::uint64_t>(s))) {
      set.rows.push_back(table->insert(std::span(&label, 1)));
    }
    set.row_count = table->size();
    result.sets.push_back(set);
  }
  return result;
}

bool verify(const at::Tensor& z) {
  const std::int64_t n = 512;
  const at::Tensor some = z.slice(0, 0, n);
  const auto labels = estimator::some_labels(n, 64);
  estimator::SoftEntropyAccumulator accumulator(z.size(1));
  accumulator.update(some, {{"x", estimator::to_tensor(labels)}});
  const estimator::Oracle oracle(some, accumulator.anchors().weight(), accumulator.temperature());
  const double error =
      std::abs(accumulator.estimate().sets[0].information_nats - oracle.information(labels).information);
  std::printf("[%ld, %ld] %s: error against float64 %.1e nats\n", static_cast<long>(z.size(0)),
              static_cast<long>(z.size(1)), c10::toString(z.scalar_type()), error);
  return error < 1e-6;
}

}  // namespace

int main() {
  for (const std::int64_t d : {64, 256, 768}) {
    const at::Tensor values = estimator::normal({8192, d});
    const at::Tensor weight = estimator::Anchors(100, d).weight().t();
    at::Tensor out = at::empty({8192, 100});
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      const at::Tensor z = values.to(type);
      if (!verify(z)) {
        std::fprintf(stderr, "wrong result: nothing to time\n");
        return 1;
      }
      for (const int sets : {0, 1, 2, 4, 8}) {
        estimator::SoftEntropyAccumulator accumulator(d);
        const labels::Grouping labels = grouping(8192, sets);
        const double product = fastest([&] { at::mm_out(out, values, weight); });
        const double update = fastest([&] { accumulator.update(z, labels); });
        std::printf("  %d label sets: update %6.2f ms, product %6.2f ms, ratio %.2f (%d threads)\n", sets, update,
                    product, update / product, at::get_num_threads());
      }
    }
  }
  return 0;
}
