#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;

// Each of 250 distinct rows comes 2000 times, so the truth is known from 250 rows.
TEST_CASE("precision: half a million tokens on two labels keep every digit", "[estimator][precision]") {
  const at::Tensor few = normal({250, 8}) + 0.5;
  const auto labels = some_labels(250, 2);
  SoftEntropyAccumulator accumulator(8);
  const at::Tensor z = few.repeat({40, 1});
  const at::Tensor repeated = to_tensor(labels).repeat({40});
  for (int batch = 0; batch < 50; ++batch) {
    accumulator.update(z, {{"x", repeated}});
  }
  SoftEntropyAccumulator once(8);
  once.update(few, {{"x", to_tensor(labels)}});
  const Estimate got = accumulator.estimate();
  CHECK(got.tokens == 500'000);
  CHECK_THAT(got.entropy_nats, WithinAbs(once.estimate().entropy_nats, 1e-9));
  CHECK_THAT(got.sets[0].entropy_nats, WithinAbs(once.estimate().sets[0].entropy_nats, 2e-7));
  CHECK_THAT(got.sets[0].information_nats, WithinAbs(once.estimate().sets[0].information_nats, 2e-7));
}

TEST_CASE("precision: bad rows are left out of every set and counted", "[estimator][precision]") {
  at::Tensor z = normal({400, 20});
  auto labels = some_labels(400, 5);
  for (const std::int64_t row : {0, 100, 399}) {
    z[row].zero_();
    z[row + (row < 399 ? 1 : -1)][3] = std::nanf("");
    z[row + (row < 399 ? 2 : -2)][19] = INFINITY;
  }
  labels[0] = 77;  // a label that only a bad row has
  SoftEntropyAccumulator accumulator(20);
  accumulator.update(z, {{"x", to_tensor(labels)}, {"y", to_tensor(some_labels(400, 3))}});
  const Oracle oracle(z, accumulator.anchors().weight(), accumulator.temperature());
  const Estimate estimate = accumulator.estimate();
  CHECK(estimate.rejected == 9);
  CHECK(estimate.tokens == 391);
  CHECK_THAT(estimate.entropy_nats, WithinAbs(oracle.entropy(), 1e-6));
  CHECK(estimate.sets[0].labels == 5);
  CHECK(estimate.sets[0].tokens == 391);
  CHECK_THAT(estimate.sets[0].information_nats, WithinAbs(oracle.information(labels).information, 1e-6));
  CHECK(estimate.sets[1].tokens == 391);
}

TEST_CASE("precision: the scale of a row changes nothing", "[estimator][precision]") {
  const at::Tensor z = normal({300, 32});
  at::Tensor scaled = z.clone();
  for (std::int64_t i = 0; i < 300; ++i) {
    scaled[i].mul_(i % 3 == 0 ? 1e20 : i % 3 == 1 ? 1e-23 : 3);
  }
  SoftEntropyAccumulator plain(32), rescaled(32);
  const at::Tensor labels = to_tensor(some_labels(300, 6));
  plain.update(z, {{"x", labels}});
  rescaled.update(scaled, {{"x", labels}});
  CHECK(rescaled.estimate().rejected == 0);
  CHECK_THAT(rescaled.estimate().sets[0].information_nats, WithinAbs(plain.estimate().sets[0].information_nats, 1e-6));
}

TEST_CASE("precision: representations that are all alike carry no information", "[estimator][precision]") {
  SoftEntropyAccumulator accumulator(16);
  accumulator.update(at::ones({600, 16}), {{"x", to_tensor(some_labels(600, 6))}});
  CHECK_THAT(accumulator.estimate().sets[0].information_nats, WithinAbs(0, 1e-7));
}

}  // namespace
}  // namespace infoplane::estimator
