#include <ATen/autocast_mode.h>
#include <c10/core/InferenceMode.h>

#include <array>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <sstream>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;

// A score is a float32 sum of d products, divided by ε: what that leaves uncertain in a value, with room.
double tolerance(double epsilon) { return 2e-7 + 5e-8 / epsilon; }

void check_against_oracle(const SoftEntropyAccumulator& accumulator, const Oracle& oracle,
                          const std::vector<std::vector<std::int64_t>>& sets, double within) {
  const Estimate estimate = accumulator.estimate();
  const bool uniform = accumulator.options().label_weights() == LabelWeights::kUniform;
  CHECK(estimate.tokens == oracle.tokens());
  CHECK_THAT(estimate.entropy_nats, WithinAbs(oracle.entropy(), within));
  REQUIRE(estimate.sets.size() == sets.size());
  for (std::size_t s = 0; s < sets.size(); ++s) {
    const OracleInformation expected = oracle.information(sets[s], uniform);
    const InformationEstimate& got = estimate.sets[s];
    CHECK(got.tokens == expected.tokens);
    CHECK(got.labels == expected.labels);
    CHECK_THAT(got.entropy_nats, WithinAbs(expected.entropy, within));
    CHECK_THAT(got.conditional_entropy_nats, WithinAbs(expected.conditional, within));
    CHECK_THAT(got.information_nats, WithinAbs(expected.information, within));
    for (const auto& label : accumulator.conditional_entropies(got.name)) {
      REQUIRE(label.key.size() == 1);
      CHECK_THAT(label.entropy_nats, WithinAbs(expected.by_label.at(label.key[0]), 4 * within));
    }
  }
}

TEST_CASE("accumulator: agrees with the float64 oracle for any shape", "[estimator]") {
  struct Shape {
    std::int64_t n, d, m;
  };
  constexpr std::array<Shape, 12> kShapes = {{{1, 2, 2},
                                              {5, 3, 7},
                                              {97, 2, 100},
                                              {193, 5, 3},
                                              {48, 17, 16},
                                              {49, 31, 17},
                                              {191, 64, 48},
                                              {385, 100, 65},
                                              {1000, 96, 100},
                                              {200, 97, 300},
                                              {333, 768, 113},
                                              {77, 1000, 129}}};
  for (const auto& [n, d, m] : kShapes) {
    CAPTURE(n, d, m);
    SoftEntropyAccumulator accumulator(d, SoftEntropyOptions().anchors(m).seed(static_cast<std::uint64_t>(n)));
    const at::Tensor z = normal({n, d}, static_cast<std::uint64_t>(d)) + 0.3;
    const auto few = some_labels(n, 4);
    const auto many = some_labels(n, n, 9);
    accumulator.update(z, {{"few", to_tensor(few)}, {"many", to_tensor(many)}});
    const Oracle oracle(z, accumulator.anchors().weight(), accumulator.temperature());
    check_against_oracle(accumulator, oracle, {few, many}, tolerance(accumulator.temperature()));
  }
}

TEST_CASE("accumulator: float64, float32, float16 and bfloat16 side by side", "[estimator]") {
  const at::Tensor values = normal({300, 96});
  const auto labels = some_labels(300, 6);
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
    CAPTURE(type);
    const at::Tensor z = values.to(type);
    SoftEntropyAccumulator accumulator(96);
    accumulator.update(z, {{"x", to_tensor(labels)}});
    // The oracle reads the rounded values, so what remains is only the arithmetic behind them.
    check_against_oracle(accumulator, Oracle(z, accumulator.anchors().weight(), accumulator.temperature()), {labels},
                         1e-6);
  }
}

TEST_CASE("accumulator: batches of any size give what one batch gives", "[estimator]") {
  const at::Tensor z = normal({1000, 40});
  const auto labels = some_labels(1000, 12);
  SoftEntropyAccumulator whole(40);
  whole.update(z, {{"x", to_tensor(labels)}});
  const Estimate expected = whole.estimate();
  for (const std::int64_t batch : {1, 7, 100, 192, 999}) {
    SoftEntropyAccumulator parts(40);
    for (std::int64_t begin = 0; begin < 1000; begin += batch) {
      const std::int64_t end = std::min<std::int64_t>(1000, begin + batch);
      parts.update(z.slice(0, begin, end), {{"x", to_tensor(labels).slice(0, begin, end)}});
    }
    CAPTURE(batch);
    const Estimate got = parts.estimate();
    CHECK_THAT(got.entropy_nats, WithinAbs(expected.entropy_nats, 1e-12));
    CHECK_THAT(got.sets[0].information_nats, WithinAbs(expected.sets[0].information_nats, 1e-7));
  }
}

TEST_CASE("accumulator: every run gives the same bits", "[estimator]") {
  const at::Tensor z = normal({3000, 64});
  const at::Tensor labels = to_tensor(some_labels(3000, 40));
  SoftEntropyAccumulator first(64), second(64);
  first.update(z, {{"x", labels}});
  second.update(z.clone(), {{"x", labels}});
  CHECK(first.estimate().entropy_nats == second.estimate().entropy_nats);
  CHECK(first.estimate().sets[0].information_nats == second.estimate().sets[0].information_nats);
}

TEST_CASE("accumulator: three axes, strides of any kind and expanded rows", "[estimator]") {
  const at::Tensor z = normal({6, 50, 24});  // [B, T, d]
  const auto labels = some_labels(300, 5);
  SoftEntropyAccumulator flat(24);
  flat.update(z.reshape({300, 24}), {{"x", to_tensor(labels)}});
  const double expected = flat.estimate().sets[0].information_nats;
  const at::Tensor time_major = z.transpose(0, 1).contiguous().transpose(0, 1);
  const at::Tensor feature_first = z.permute({2, 0, 1}).contiguous().permute({1, 2, 0});
  const at::Tensor wide = at::cat({z, z}, 2).slice(2, 24, 48);
  for (const at::Tensor& view : {z, time_major, feature_first, wide}) {
    SoftEntropyAccumulator accumulator(24);
    accumulator.update(view, {{"x", to_tensor(labels).reshape({6, 50})}});
    // Not to the last bit: here a sequence has 50 rows, so tokens of a label meet in other parts.
    CHECK_THAT(accumulator.estimate().sets[0].information_nats, WithinAbs(expected, 1e-8));
  }
  SoftEntropyAccumulator expanded(24);
  expanded.update(z.select(0, 0).slice(0, 0, 1).expand({64, 24}));
  SoftEntropyAccumulator once(24);
  once.update(z.select(0, 0).slice(0, 0, 1));
  CHECK_THAT(expanded.estimate().entropy_nats, WithinAbs(once.estimate().entropy_nats, 1e-7));
}

TEST_CASE("accumulator: each set has its own positions, and may be missing in a batch", "[estimator]") {
  const at::Tensor z = normal({400, 32});
  auto sparse = some_labels(400, 5);
  for (std::size_t i = 0; i < sparse.size(); ++i) {
    if (i % 3 == 0) {
      sparse[i] = i % 2 == 0 ? -1 : -100;
    }
  }
  const auto full = some_labels(400, 3, 4);
  SoftEntropyAccumulator accumulator(32);
  accumulator.update(z.slice(0, 0, 100), {{"sparse", to_tensor(sparse).slice(0, 0, 100)}});
  accumulator.update(z.slice(0, 100, 150));
  accumulator.update(z.slice(0, 150, 400),
                     {{"full", to_tensor(full).slice(0, 150, 400)}, {"sparse", to_tensor(sparse).slice(0, 150, 400)}});
  std::vector<std::int64_t> seen_sparse = sparse, seen_full = full;
  std::fill(seen_sparse.begin() + 100, seen_sparse.begin() + 150, -1);
  std::fill(seen_full.begin(), seen_full.begin() + 150, -1);
  check_against_oracle(accumulator, Oracle(z, accumulator.anchors().weight(), accumulator.temperature()),
                       {seen_sparse, seen_full}, 1e-6);
  for (const auto& set : accumulator.estimate().sets) {
    CHECK(set.information_nats > 0);
  }
}

TEST_CASE("accumulator: uniform label weights", "[estimator]") {
  const at::Tensor z = normal({500, 32});
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < 500; ++i) {
    labels.push_back(i < 400 ? 0 : i % 4);
  }
  SoftEntropyAccumulator accumulator(32, SoftEntropyOptions().label_weights(LabelWeights::kUniform));
  accumulator.update(z, {{"x", to_tensor(labels)}});
  const Oracle oracle(z, accumulator.anchors().weight(), accumulator.temperature());
  check_against_oracle(accumulator, oracle, {labels}, 1e-6);
  CHECK(std::abs(oracle.information(labels, true).information - oracle.information(labels).information) > 1e-3);
}

TEST_CASE("accumulator: labels of every integer type", "[estimator]") {
  const at::Tensor z = normal({200, 16});
  const at::Tensor labels = to_tensor(some_labels(200, 2));
  SoftEntropyAccumulator expected(16);
  expected.update(z, {{"x", labels}});
  for (const auto type : {at::kBool, at::kByte, at::kChar, at::kShort, at::kInt}) {
    CAPTURE(type);
    SoftEntropyAccumulator accumulator(16);
    accumulator.update(z, {{"x", labels.to(type)}});
    CHECK(accumulator.estimate().sets[0].information_nats == expected.estimate().sets[0].information_nats);
  }
  SoftEntropyAccumulator strided(16);
  strided.update(z, {{"x", at::stack({labels, labels}, 1).select(1, 0)}});
  CHECK(strided.estimate().sets[0].information_nats == expected.estimate().sets[0].information_nats);
}

TEST_CASE("accumulator: labels keep their values as keys, of 64 bits", "[estimator]") {
  SoftEntropyAccumulator accumulator(8, SoftEntropyOptions().anchors(10));
  const std::int64_t large = std::numeric_limits<std::int64_t>::max();
  accumulator.update(normal({4, 8}), {{"x", to_tensor({large, -7, -100, large})}});
  const auto labels = accumulator.conditional_entropies("x");
  REQUIRE(labels.size() == 2);
  CHECK(labels[0].key == std::vector<std::int64_t>{large});
  CHECK(labels[0].tokens == 2);
  CHECK(labels[1].key == std::vector<std::int64_t>{-7});
  CHECK(labels[1].tokens == 1);
}

TEST_CASE("accumulator: over no tokens values are NaN", "[estimator]") {
  SoftEntropyAccumulator accumulator(8);
  accumulator.update(at::empty({0, 8}), {{"x", at::empty({0}, at::kLong)}});
  accumulator.update(at::empty({3, 0, 8}));
  Estimate estimate = accumulator.estimate();
  CHECK(estimate.tokens == 0);
  CHECK(std::isnan(estimate.entropy_nats));
  CHECK(estimate.anchors == 100);
  accumulator.update(normal({5, 8}), {{"x", to_tensor({-1, -1, -100, -1, -1})}});
  estimate = accumulator.estimate();
  CHECK(estimate.tokens == 5);
  CHECK(set_of(estimate, "x").tokens == 0);
  CHECK(set_of(estimate, "x").labels == 0);
  CHECK(std::isnan(set_of(estimate, "x").information_nats));
  CHECK(std::isnan(set_of(estimate, "x").entropy_nats));
  CHECK(accumulator.conditional_entropies("x").empty());
}

TEST_CASE("accumulator: reset forgets tokens and sets, and frees them", "[estimator]") {
  SoftEntropyAccumulator accumulator(16);
  const auto empty = accumulator.memory_bytes();
  const at::Tensor z = normal({500, 16});
  accumulator.update(z, {{"x", to_tensor(some_labels(500, 400))}});
  CHECK(accumulator.memory_bytes() > empty + 100 * 400);
  accumulator.reset();
  CHECK(accumulator.memory_bytes() == empty);
  CHECK(accumulator.estimate().tokens == 0);
  CHECK(accumulator.estimate().sets.empty());
  accumulator.update(z);
  SoftEntropyAccumulator fresh(16);
  fresh.update(z);
  CHECK(accumulator.estimate().entropy_nats == fresh.estimate().entropy_nats);
}

TEST_CASE("accumulator: clear forgets tokens and sets, and keeps their memory", "[estimator]") {
  const auto options = SoftEntropyOptions().max_labels(GENERATE(0, 60));
  const auto state_of = [](const SoftEntropyAccumulator& accumulator) {
    std::ostringstream out;
    accumulator.save(out);
    return out.str();
  };
  const auto update = [](SoftEntropyAccumulator& accumulator, std::int64_t n, std::int64_t labels, std::uint64_t seed) {
    accumulator.update(normal({n, 16}, seed),
                       {{"x", to_tensor(some_labels(n, labels))}, {"y", to_tensor(some_labels(n, 3))}});
  };
  SoftEntropyAccumulator accumulator(16, options);
  update(accumulator, 3000, 400, 1);  // 1000 tokens of each "y": float64 rows too
  accumulator.update(normal({20, 16}), {{"only once", to_tensor(some_labels(20, 5))}});
  const auto memory = accumulator.memory_bytes();
  accumulator.clear();
  CHECK(accumulator.estimate().tokens == 0);
  CHECK(accumulator.estimate().sets.empty());
  CHECK(accumulator.memory_bytes() > memory / 2);
  for (const std::int64_t n : {100, 5000}) {  // within what there is, and beyond
    update(accumulator, n, 300, 2);
    SoftEntropyAccumulator fresh(16, options);
    update(fresh, n, 300, 2);
    CHECK(state_of(accumulator) == state_of(fresh));
    const InformationEstimate got = accumulator.estimate().sets[1], expected = fresh.estimate().sets[1];
    CHECK(got.corrected_nats == expected.corrected_nats);
    CHECK(got.standard_error_nats == expected.standard_error_nats);
    const SoftEntropyAccumulator copy = accumulator;
    CHECK(state_of(copy) == state_of(fresh));
    accumulator.clear();
  }
  accumulator.update(normal({20, 16}), {{"x", to_tensor(some_labels(20, 5))}});  // "x" again, "y" no more
  CHECK(accumulator.estimate().sets.size() == 1);
  accumulator.clear();
  update(accumulator, 100, 300, 2);
  SoftEntropyAccumulator fresh(16, options);
  update(fresh, 100, 300, 2);
  CHECK(state_of(accumulator) == state_of(fresh));
}

TEST_CASE("accumulator: keeps no graph, no representation, and leaves z as it was", "[estimator]") {
  at::Tensor leaf = normal({64, 16}).set_requires_grad(true);
  SoftEntropyAccumulator accumulator(16);
  {
    const at::Tensor z = leaf * 2;
    const c10::weak_intrusive_ptr<c10::TensorImpl> watch(z.getIntrusivePtr());
    const at::Tensor before = z.detach().clone();
    const auto version = z._version();
    accumulator.update(z, {{"x", to_tensor(some_labels(64, 4))}});
    CHECK(at::equal(z.detach(), before));
    CHECK(z._version() == version);
    CHECK(z.use_count() == 1);
    CHECK(watch.use_count() == 1);
    CHECK(z.requires_grad());
  }
  CHECK_FALSE(accumulator.anchors().weight().requires_grad());
}

TEST_CASE("accumulator: the same in inference mode and under autocast", "[estimator]") {
  const at::Tensor z = normal({300, 64});
  const at::Tensor labels = to_tensor(some_labels(300, 4));
  SoftEntropyAccumulator plain(64);
  plain.update(z, {{"x", labels}});
  const double expected = plain.estimate().sets[0].information_nats;
  {
    const c10::InferenceMode inference;
    SoftEntropyAccumulator accumulator(64);
    accumulator.update(z * 1, {{"x", labels}});
    CHECK(accumulator.estimate().sets[0].information_nats == expected);
    CHECK_FALSE(accumulator.anchors().weight().is_inference());
  }
  at::autocast::set_autocast_enabled(at::kCPU, true);
  SoftEntropyAccumulator accumulator(64);
  accumulator.update(z, {{"x", labels}});
  const bool still_on = at::autocast::is_autocast_enabled(at::kCPU);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  CHECK(still_on);
  CHECK(accumulator.estimate().sets[0].information_nats == expected);
}

TEST_CASE("accumulator: the default generator is not drawn from", "[estimator]") {
  auto generator = at::globalContext().defaultGenerator(at::kCPU);
  const at::Tensor before = generator.get_state().clone();
  SoftEntropyAccumulator accumulator(32);
  accumulator.update(normal({100, 32}), {{"x", to_tensor(some_labels(100, 3))}});
  CHECK(accumulator.estimate().tokens == 100);
  CHECK(at::equal(generator.get_state(), before));
}

}  // namespace
}  // namespace infoplane::estimator
