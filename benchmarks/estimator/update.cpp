#include <ATen/ATen.h>

#include <cmath>
#include <cstdio>
#include <infoplane/estimator/accumulator.hpp>

#include "benchmark.hpp"
#include "estimator/oracle.hpp"

namespace infoplane::benchmark {
namespace {

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

bool update() {
  bool fine = true;
  for (const std::int64_t d : {64, 256, 768}) {
    const at::Tensor values = estimator::normal({8192, d});
    const at::Tensor weight = estimator::Anchors(100, d).weight().t();
    at::Tensor out = at::empty({8192, 100});
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      const at::Tensor z = values.to(type);
      if (!verify(z)) {
        std::printf("wrong result: nothing to time\n");
        return false;
      }
      for (const int sets : {0, 1, 2, 4, 8}) {
        estimator::SoftEntropyAccumulator accumulator(d);
        const labels::Grouping labels = grouping(8192, sets);
        const auto [product, took] = fastest_of_two(
            40, [&] { at::mm_out(out, values, weight); }, [&] { accumulator.update(z, labels); });
        std::printf("  %d label sets: update %6.2f ms, product %6.2f ms, ratio %.2f\n", sets, took, product,
                    took / product);
        if (d == 768 && sets == 8) {
          fine = at_most("8 sets, in units of the product", took / product, 1.3) && fine;
        }
      }
    }
  }
  return fine;
}

}  // namespace infoplane::benchmark
