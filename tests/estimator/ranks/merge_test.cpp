#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/labels/key_table.hpp>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::Message;
using Catch::Matchers::WithinAbs;

TEST_CASE("merge: equals one accumulator that has seen everything", "[estimator][merge]") {
  const at::Tensor z = normal({3000, 24});
  const at::Tensor common = to_tensor(some_labels(3000, 2));  // frequent enough for float64 rows
  const at::Tensor rare = to_tensor(some_labels(3000, 900));
  SoftEntropyAccumulator whole(24), first(24), second(24);
  const auto update = [&](SoftEntropyAccumulator& accumulator, std::int64_t begin, std::int64_t end) {
    accumulator.update(z.slice(0, begin, end),
                       {{"common", common.slice(0, begin, end)}, {"rare", rare.slice(0, begin, end)}});
  };
  update(whole, 0, 3000);
  update(first, 0, 700);
  update(second, 700, 3000);
  at::Tensor bad = at::zeros({2, 24});
  whole.update(bad);
  second.update(bad);
  second.update(z.slice(0, 0, 10), {{"late", rare.slice(0, 0, 10)}});
  whole.update(z.slice(0, 0, 10), {{"late", rare.slice(0, 0, 10)}});
  const double untouched = second.estimate().entropy_nats;
  first.merge(second);
  const Estimate expected = whole.estimate(), got = first.estimate();
  CHECK(got.tokens == 3010);
  CHECK(got.rejected == 2);
  CHECK_THAT(got.entropy_nats, WithinAbs(expected.entropy_nats, 1e-12));
  REQUIRE(got.sets.size() == 3);
  for (const auto& set : expected.sets) {
    CHECK(set_of(got, set.name).tokens == set.tokens);
    CHECK(set_of(got, set.name).labels == set.labels);
    CHECK_THAT(set_of(got, set.name).information_nats, WithinAbs(set.information_nats, 1e-7));
  }
  CHECK(second.estimate().entropy_nats == untouched);
  first.update(z.slice(0, 0, 50), {{"rare", rare.slice(0, 0, 50)}});  // goes on like any other
  CHECK(first.estimate().tokens == 3060);
}

TEST_CASE("merge: by whole keys, whatever row a key has in each table", "[estimator][merge]") {
  const at::Tensor z = normal({4, 8});
  auto forward = std::make_shared<labels::KeyTable>(2);
  auto backward = std::make_shared<labels::KeyTable>(2);
  const std::vector<std::vector<std::int64_t>> keys = {{1, 2}, {2, 1}};
  for (const std::size_t i : {0U, 1U}) {
    forward->insert(keys[i]);
    backward->insert(keys[1 - i]);
  }
  SoftEntropyAccumulator first(8), second(8), same(8);
  first.update(z, labels::Grouping{4, {}, {{"x", forward, {0, 0, 1, -1}, 2, 3}}});
  second.update(z, labels::Grouping{4, {}, {{"x", backward, {1, 0, 0, 0}, 2, 4}}});
  same.update(z, labels::Grouping{4, {}, {{"x", forward, {0, 1, 1, 1}, 2, 4}}});
  SoftEntropyAccumulator other = first;
  SoftEntropyAccumulator empty(8);
  first.merge(second);
  other.merge(same);
  empty.merge(second);
  for (const auto* merged : {&first, &other}) {
    const auto labels = merged->conditional_entropies("x");
    REQUIRE(labels.size() == 2);
    CHECK(labels[0].key == keys[0]);
    CHECK(labels[0].tokens == 3);
    CHECK(labels[1].key == keys[1]);
    CHECK(labels[1].tokens == 4);
  }
  CHECK_THAT(first.estimate().sets[0].information_nats, WithinAbs(other.estimate().sets[0].information_nats, 1e-7));
  CHECK(empty.estimate().sets[0].information_nats == second.estimate().sets[0].information_nats);
  empty.update(z, labels::Grouping{4, {}, {{"x", backward, {1, 0, 0, 0}, 2, 4}}});
  CHECK(empty.conditional_entropies("x")[0].tokens == 2);
}

TEST_CASE("merge: with itself doubles the tokens", "[estimator][merge]") {
  SoftEntropyAccumulator accumulator(8);
  accumulator.update(normal({1500, 8}), {{"x", to_tensor(some_labels(1500, 2))}});
  const Estimate before = accumulator.estimate();
  accumulator.merge(accumulator);
  const Estimate after = accumulator.estimate();
  CHECK(after.tokens == 3000);
  CHECK(after.sets[0].tokens == 3000);
  CHECK_THAT(after.sets[0].information_nats, WithinAbs(before.sets[0].information_nats, 1e-7));
}

TEST_CASE("merge: a copy is independent", "[estimator][merge]") {
  SoftEntropyAccumulator accumulator(8);
  const at::Tensor z = normal({1200, 8});
  const at::Tensor labels = to_tensor(some_labels(1200, 2));
  accumulator.update(z, {{"x", labels}});
  SoftEntropyAccumulator copy = accumulator;
  CHECK(copy.estimate().sets[0].information_nats == accumulator.estimate().sets[0].information_nats);
  copy.update(z, {{"x", labels + 5}});
  CHECK(accumulator.estimate().sets[0].labels == 2);
  CHECK(copy.estimate().sets[0].labels == 4);
  copy = accumulator;
  CHECK(copy.estimate().sets[0].labels == 2);
}

TEST_CASE("merge: refuses what cannot be compared and names it", "[estimator][merge]") {
  const auto options = SoftEntropyOptions().anchors(10).calibration(Calibration::fixed(0.25));
  SoftEntropyAccumulator accumulator(8, options);
  accumulator.update(normal({20, 8}), {{"x", to_tensor(some_labels(20, 3))}});
  const double before = accumulator.estimate().sets[0].information_nats;
  const auto refuses = [&accumulator](const std::string& what, const SoftEntropyAccumulator& other) {
    CHECK_THROWS_MATCHES(accumulator.merge(other), ArgumentError,
                         Message("accumulators cannot be merged that differ in: " + what));
  };
  refuses("m (10 and 12)", SoftEntropyAccumulator(8, SoftEntropyOptions(options).anchors(12)));
  refuses("d (8 and 9)", SoftEntropyAccumulator(9, options));
  refuses("epsilon (0.25 and 0.5)",
          SoftEntropyAccumulator(8, SoftEntropyOptions(options).calibration(Calibration::fixed(0.5))));
  refuses("seed (0 and 18446744073709551615)",
          SoftEntropyAccumulator(8, SoftEntropyOptions(options).seed(18446744073709551615U)));
  refuses("seed rule (mixed and raw)", SoftEntropyAccumulator(8, SoftEntropyOptions(options).raw_seed(true)));
  refuses("m (10 and 11), seed (0 and 3)", SoftEntropyAccumulator(8, SoftEntropyOptions(options).anchors(11).seed(3)));
  SoftEntropyAccumulator pairs(8, options);
  pairs.update(normal({1, 8}), labels::Grouping{1, {}, {{"x", std::make_shared<labels::KeyTable>(2), {-1}, 0, 0}}});
  refuses("key width of x (1 and 2)", pairs);
  CHECK(accumulator.estimate().sets[0].information_nats == before);
  CHECK(accumulator.estimate().tokens == 20);
}

}  // namespace
}  // namespace infoplane::estimator
