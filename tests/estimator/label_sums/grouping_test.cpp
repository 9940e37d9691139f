#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/labels/key_table.hpp>
#include <limits>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;

/// A grouping with one set whose labels are the given integers, by way of a shared table; −1: none.
labels::Grouping group(const std::shared_ptr<labels::KeyTable>& table, const std::vector<std::int64_t>& values) {
  labels::Grouping result;
  result.positions = static_cast<std::int64_t>(values.size());
  labels::LabelAssignment set{"x", table, {}, 0, 0};
  for (const std::int64_t& value : values) {
    set.rows.push_back(value == -1 ? labels::kNoRow : table->insert(std::span(&value, 1)));
    set.labelled += value == -1 ? 0 : 1;
  }
  set.row_count = table->size();
  result.sets.push_back(set);
  return result;
}

TEST_CASE("grouping: gives what label tensors give", "[estimator]") {
  const at::Tensor z = normal({30, 10, 24});
  auto labels = some_labels(300, 20);
  labels[17] = -1;
  SoftEntropyAccumulator by_tensor(24), by_grouping(24);
  by_tensor.update(z, {{"x", to_tensor(labels)}});
  auto table = std::make_shared<labels::KeyTable>(1);
  by_grouping.update(z, group(table, labels));
  CHECK(by_grouping.estimate().sets[0].information_nats == by_tensor.estimate().sets[0].information_nats);
  CHECK(by_grouping.estimate().sets[0].tokens == 299);
  CHECK(by_grouping.estimate().tokens == 300);
}

TEST_CASE("grouping: positions that do not count are in no sum, not even as rejected", "[estimator]") {
  at::Tensor z = normal({300, 24});
  z[5].fill_(std::nan(""));
  z[6].fill_(std::nan(""));
  const auto labels = some_labels(300, 6);
  auto table = std::make_shared<labels::KeyTable>(1);
  labels::Grouping grouping = group(table, labels);
  grouping.counted.assign(300, 1);
  auto expected_labels = labels;
  at::Tensor counted = z.clone();
  for (std::size_t i = 0; i < 300; ++i) {
    if (i == 5 || i % 3 == 0 || (i >= 192 && i < 240)) {
      grouping.counted[i] = 0;
      counted[static_cast<std::int64_t>(i)].fill_(std::nan(""));
      expected_labels[i] = -1;
    }
  }
  grouping.counted[6] = 1;
  SoftEntropyAccumulator accumulator(24);
  accumulator.update(z, grouping);
  counted[6].fill_(std::nan(""));
  const Oracle oracle(counted, accumulator.anchors().weight(), accumulator.temperature());
  const Estimate estimate = accumulator.estimate();
  CHECK(estimate.tokens == oracle.tokens());
  CHECK(estimate.rejected == 1);
  CHECK_THAT(estimate.entropy_nats, WithinAbs(oracle.entropy(), 1e-6));
  CHECK(estimate.sets[0].tokens == oracle.information(expected_labels).tokens);
  CHECK_THAT(estimate.sets[0].information_nats, WithinAbs(oracle.information(expected_labels).information, 1e-6));
}

TEST_CASE("grouping: n-gram keys come back whole", "[estimator]") {
  auto table = std::make_shared<labels::KeyTable>(3);
  const std::vector<std::vector<std::int64_t>> keys = {{1, 2, 3}, {3, 2, 1}};
  for (const auto& key : keys) {
    table->insert(key);
  }
  SoftEntropyAccumulator accumulator(8, SoftEntropyOptions().anchors(10));
  accumulator.update(normal({4, 8}), labels::Grouping{4, {}, {{"x", table, {1, 1, -1, 0}, 2, 3}}});
  const auto labels = accumulator.conditional_entropies("x");
  REQUIRE(labels.size() == 2);
  CHECK(labels[0].key == keys[1]);
  CHECK(labels[0].tokens == 2);
  CHECK(labels[1].key == keys[0]);
}

TEST_CASE("grouping: a table that grows between batches, another table, and plain labels mean the same keys",
          "[estimator]") {
  const at::Tensor z = normal({400, 24});
  const auto labels = some_labels(400, 30);
  SoftEntropyAccumulator expected(24), mixed(24);
  expected.update(z, {{"x", to_tensor(labels)}});
  const auto part = [&labels](std::size_t begin, std::size_t end) {
    return std::vector<std::int64_t>(labels.begin() + static_cast<std::ptrdiff_t>(begin),
                                     labels.begin() + static_cast<std::ptrdiff_t>(end));
  };
  auto first = std::make_shared<labels::KeyTable>(1);
  auto second = std::make_shared<labels::KeyTable>(1);
  const std::int64_t stranger = 29;
  second->insert(std::span(&stranger, 1));  // rows mean other keys than in the first table
  mixed.update(z.slice(0, 0, 10), group(first, part(0, 10)));
  mixed.update(z.slice(0, 10, 100), group(first, part(10, 100)));
  mixed.update(z.slice(0, 100, 200), group(second, part(100, 200)));
  mixed.update(z.slice(0, 200, 300), {{"x", to_tensor(part(200, 300))}});
  mixed.update(z.slice(0, 300, 400), group(first, part(300, 400)));
  const auto got = mixed.estimate().sets;
  REQUIRE(got.size() == 1);
  CHECK(got[0].labels == expected.estimate().sets[0].labels);
  CHECK_THAT(got[0].information_nats, WithinAbs(expected.estimate().sets[0].information_nats, 1e-7));
  std::map<std::int64_t, std::int64_t> tokens;
  for (const auto& label : expected.conditional_entropies("x")) {
    tokens[label.key[0]] = label.tokens;
  }
  for (const auto& label : mixed.conditional_entropies("x")) {
    CHECK(label.tokens == tokens[label.key[0]]);
  }
}

TEST_CASE("grouping: the memory of a label at m = 100 stays below 448 bytes", "[estimator]") {
  constexpr std::int64_t kLabels = 20'000;
  SoftEntropyAccumulator accumulator(16);
  auto table = std::make_shared<labels::KeyTable>(1);
  // Fills the sample for the statistics, and makes the set: what does not grow with labels.
  accumulator.update(normal({5000, 16}), group(table, std::vector<std::int64_t>(5000, 0)));
  const auto before = accumulator.memory_bytes();
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 1; i <= kLabels; ++i) {
    labels.push_back(i);
  }
  for (std::int64_t begin = 0; begin < kLabels; begin += 1000) {
    accumulator.update(normal({1000, 16}), group(table, {labels.begin() + begin, labels.begin() + begin + 1000}));
  }
  CHECK(accumulator.estimate().sets[0].labels == kLabels + 1);
  CHECK(accumulator.memory_bytes() - before < 448 * kLabels);
}

TEST_CASE("grouping: memory grows in steps, not with every label", "[estimator]") {
  constexpr std::int64_t kLabels = 4096;
  SoftEntropyAccumulator accumulator(16);
  accumulator.update(normal({5000, 16}), {{"x", at::zeros({5000}, at::kLong)}});
  const at::Tensor z = normal({kLabels, 16});
  const at::Tensor labels = at::arange(1, kLabels + 1);
  auto memory = accumulator.memory_bytes();
  int steps = 0;
  for (std::int64_t i = 0; i < kLabels; ++i) {
    accumulator.update(z.slice(0, i, i + 1), {{"x", labels.slice(0, i, i + 1)}});
    steps += accumulator.memory_bytes() != memory ? 1 : 0;
    memory = accumulator.memory_bytes();
  }
  // Blocks of 64 rows, which nothing ever moves, and some ten vectors that grow by a factor.
  CHECK(steps >= kLabels / 64);
  CHECK(steps < kLabels / 64 + 10 * 24);
}

TEST_CASE("grouping: two labels never share a row", "[estimator]") {
  // Keys that agree in every part but one, and keys whose parts are each other's.
  auto table = std::make_shared<labels::KeyTable>(2);
  labels::LabelAssignment set{"x", table, {}, 0, 0};
  std::vector<std::int64_t> flat;
  for (std::int64_t a = 0; a < 40; ++a) {
    for (std::int64_t b = 0; b < 40; ++b) {
      const std::vector<std::int64_t> key = {a << 32U, b - a};
      set.rows.push_back(table->insert(key));
      flat.push_back(a * 40 + b);
    }
  }
  set.row_count = table->size();
  set.labelled = static_cast<std::int64_t>(flat.size());
  labels::Grouping grouping;
  grouping.positions = static_cast<std::int64_t>(flat.size());
  grouping.sets.push_back(set);
  const at::Tensor z = normal({static_cast<std::int64_t>(flat.size()), 16});
  SoftEntropyAccumulator accumulator(16);
  accumulator.update(z, grouping);
  accumulator.update(z, grouping);
  const Oracle oracle(z, accumulator.anchors().weight(), accumulator.temperature());
  const auto labels = accumulator.conditional_entropies("x");
  const auto expected = oracle.information(flat).by_label;
  REQUIRE(labels.size() == flat.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    CHECK(labels[i].tokens == 2);
    CHECK_THAT(labels[i].entropy_nats,
               WithinAbs(expected.at(flat[i]), 1e-5));  // one float32 row; other rows are 0.1 away
  }
}

}  // namespace
}  // namespace infoplane::estimator
