#include <ATen/ops/randn.h>

#include <cmath>
#include <cstdio>
#include <infoplane/infoplane.hpp>

int main() {
  infoplane::estimator::SoftEntropyAccumulator accumulator(16);
  accumulator.update(at::randn({64, 16}));
  const auto estimate = accumulator.estimate();
  std::printf("H(Z) of %d tokens: %.3f by infoplane %s\n", static_cast<int>(estimate.tokens),
              estimate.entropy_nats / std::log(static_cast<double>(estimate.anchors)), infoplane::version());
  return 0;
}
