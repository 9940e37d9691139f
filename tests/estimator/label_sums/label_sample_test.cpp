#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/labels/label_index.hpp>
#include <numeric>
#include <set>

#include "estimator/oracle.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::Message;
using Catch::Matchers::WithinAbs;

SoftEntropyOptions limit(std::int64_t labels) { return SoftEntropyOptions().max_labels(labels); }

std::set<std::int64_t> kept(const SoftEntropyAccumulator& accumulator, const std::string& name = "x") {
  std::set<std::int64_t> result;
  for (const auto& label : accumulator.conditional_entropies(name)) {
    result.insert(label.key[0]);
  }
  return result;
}

void update(SoftEntropyAccumulator& accumulator, const at::Tensor& z, const at::Tensor& labels, std::int64_t begin,
            std::int64_t end, const std::string& name = "x") {
  accumulator.update(z.slice(0, begin, end), {{name, labels.slice(0, begin, end)}});
}

TEST_CASE("label sample: all labels within the limit, and a fixed part of them beyond it", "[estimator][sample]") {
  const at::Tensor z = normal({12000, 24});
  const auto values = some_labels(12000, 1000);
  const at::Tensor labels = to_tensor(values);
  SoftEntropyAccumulator all(24), enough(24, limit(1000)), sample(24, limit(300)), batches(24, limit(300));
  for (SoftEntropyAccumulator* each : {&all, &enough, &sample}) {
    update(*each, z, labels, 0, 12000);
  }
  for (std::int64_t begin = 0; begin < 12000; begin += 500) {
    update(batches, z, labels, begin, begin + 500);
  }
  const auto expected = all.estimate().sets[0], got = sample.estimate().sets[0];
  REQUIRE(kept(enough).size() == 1000);
  CHECK(enough.estimate().sets[0].corrected_nats == expected.corrected_nats);
  CHECK(got.labels_kept == static_cast<std::int64_t>(kept(sample).size()));
  CHECK(got.labels_kept > 150);
  CHECK(got.labels_kept <= 300);
  CHECK(got.labels % got.labels_kept == 0);
  CHECK_THAT(static_cast<double>(got.labels), WithinAbs(1000, 200));
  CHECK(kept(batches) == kept(sample));
  CHECK(got.tokens == expected.tokens);
  CHECK_THAT(got.entropy_nats, WithinAbs(expected.entropy_nats, 1e-7));
  CHECK_THAT(got.chance_nats, WithinAbs(expected.chance_nats, 0.05));
  CHECK_THAT(batches.estimate().sets[0].corrected_nats, WithinAbs(got.corrected_nats, 1e-6));

  // The ratio estimator, from H(Z|x) of the labels that are kept.
  double tokens = 0, sum = 0;
  for (const auto& label : sample.conditional_entropies("x")) {
    tokens += static_cast<double>(label.tokens);
    sum += static_cast<double>(label.tokens) * label.entropy_nats;
  }
  CHECK_THAT(got.conditional_entropy_nats, WithinAbs(sum / tokens, 1e-9));
  CHECK_THAT(got.information_nats, WithinAbs(got.entropy_nats - sum / tokens, 1e-9));
  CHECK(batches.memory_bytes() < all.memory_bytes());
}

TEST_CASE("label sample: bounds the memory, whatever comes", "[estimator][sample]") {
  constexpr std::int64_t kLimit = 100, kTokens = 40000;
  std::vector<std::int64_t> distinct(kTokens);
  std::iota(distinct.begin(), distinct.end(), 0);
  const at::Tensor z = normal({kTokens, 8});
  SoftEntropyAccumulator at_once(8, limit(kLimit)), in_batches(8, limit(kLimit));
  const auto empty = at_once.memory_bytes();
  update(at_once, z, to_tensor(distinct), 0, kTokens);
  for (std::int64_t begin = 0; begin < kTokens; begin += 400) {
    update(in_batches, z, to_tensor(distinct), begin, begin + 400);
  }
  CHECK(kept(at_once) == kept(in_batches));
  CHECK(at_once.estimate().sets[0].labels_kept == in_batches.estimate().sets[0].labels_kept);
  CHECK_THAT(at_once.estimate().sets[0].entropy_nats, WithinAbs(in_batches.estimate().sets[0].entropy_nats, 1e-6));
  SoftEntropyAccumulator sample_alone(8, limit(kLimit));  // 4096 rows of the stream are kept whatever the labels
  sample_alone.update(z);
  for (const SoftEntropyAccumulator* each : {&at_once, &in_batches}) {
    CHECK(each->memory_bytes() - sample_alone.memory_bytes() < 5 * kLimit * 480 + (1 << 16));
  }
  CHECK(sample_alone.memory_bytes() > empty);

  // The same with the table of a label index, which holds all keys.
  labels::LabelIndex index(labels::LabelOptions().input_orders({}).output_orders({}));
  SoftEntropyAccumulator grouped(8, limit(kLimit));
  grouped.update(z.view({100, 400, 8}), *index.group({labels::IntegerView(distinct.data(), 100, 400)},
                                                     {{"x", labels::IntegerView(distinct.data(), 100, 400)}}));
  CHECK(kept(grouped) == kept(at_once));
  CHECK(grouped.memory_bytes() - sample_alone.memory_bytes() < 5 * kLimit * 480 + 4 * kTokens * 65 / 64 + (1 << 16));
}

TEST_CASE("label sample: what it leaves out is in the standard error", "[estimator][sample]") {
  // Labels that differ much: half of them fix the representation.
  constexpr int kRuns = 24;
  double squares = 0, variance = 0, variance_of_all = 0;
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    auto values = some_labels(6000, 400, run);
    for (auto& value : values) {
      value += static_cast<std::int64_t>(run) * 400;  // other labels, another sample
    }
    const at::Tensor labels = to_tensor(values);
    const at::Tensor narrow = normal({400 * (kRuns + 1), 24}, 9).index_select(0, labels);
    const at::Tensor z =
        at::where(labels.remainder(2).eq(0).unsqueeze(1), 3 * narrow, 0 * narrow) + normal({6000, 24}, run);
    SoftEntropyAccumulator all(24), sample(24, limit(100));
    update(all, z, labels, 0, 6000);
    update(sample, z, labels, 0, 6000);
    const auto expected = all.estimate().sets[0], got = sample.estimate().sets[0];
    squares += std::pow(got.corrected_nats - expected.corrected_nats, 2) / kRuns;
    variance += std::pow(got.standard_error_nats, 2) / kRuns;
    variance_of_all += std::pow(expected.standard_error_nats, 2) / kRuns;
  }
  CHECK(variance > 2 * variance_of_all);
  CAPTURE(squares, variance, variance_of_all);
  CHECK_THAT(std::sqrt(variance / (squares + variance_of_all)), WithinAbs(1, 0.35));
}

TEST_CASE("label sample: ranks keep the same labels, and merge as one", "[estimator][sample]") {
  const at::Tensor z = normal({9000, 24});
  const at::Tensor labels = to_tensor(some_labels(9000, 1500));
  SoftEntropyAccumulator whole(24, limit(200)), first(24, limit(200)), second(24, limit(200).stream(1));
  update(whole, z, labels, 0, 9000);
  update(first, z, labels, 0, 150);  // within the limit
  update(second, z, labels, 150, 9000);
  SoftEntropyAccumulator other_way = second;
  first.merge(second);
  SoftEntropyAccumulator start(24, limit(200));
  update(start, z, labels, 0, 150);
  other_way.merge(start);
  for (const SoftEntropyAccumulator* merged : {&first, &other_way}) {
    const auto expected = whole.estimate().sets[0], got = merged->estimate().sets[0];
    CHECK(kept(*merged) == kept(whole));
    CHECK(got.tokens == expected.tokens);
    CHECK(got.labels == expected.labels);
    CHECK_THAT(got.entropy_nats, WithinAbs(expected.entropy_nats, 1e-7));
    CHECK_THAT(got.information_nats, WithinAbs(expected.information_nats, 1e-7));
  }
  first.update(z, {{"x", labels}});  // goes on
  CHECK(kept(first) == kept(whole));
  SoftEntropyAccumulator copy = first;
  CHECK(copy.estimate().sets[0].information_nats == first.estimate().sets[0].information_nats);
  // Each set has a sample of its own.
  update(whole, z, labels, 0, 9000, "y");
  CHECK(kept(whole, "y") != kept(whole));
  whole.reset();
  CHECK(whole.estimate().sets.empty());

  SoftEntropyAccumulator unlike(24, limit(100));
  CHECK_THROWS_MATCHES(whole.merge(unlike), ArgumentError,
                       Message("accumulators cannot be merged that differ in: max_labels (200 and 100)"));
  CHECK_THROWS_MATCHES(SoftEntropyAccumulator(24, limit(-1)), ArgumentError,
                       Message("max_labels must be 0 (all labels) or more, got -1"));
}

TEST_CASE("label sample: frequent labels that are dropped give their sums back", "[estimator][sample]") {
  const at::Tensor z = normal({4000, 24});
  auto values = some_labels(4000, 2);  // two labels of 2000 tokens, in float64 rows
  const auto others = some_labels(4000, 900, 3);
  for (std::size_t i = 2000; i < 4000; ++i) {
    values[i] = others[i] + 2;
  }
  SoftEntropyAccumulator all(24), one(24, limit(1));
  for (SoftEntropyAccumulator* each : {&all, &one}) {
    update(*each, z, to_tensor(values), 0, 2000);
    update(*each, z, to_tensor(values), 2000, 4000);
  }
  const auto expected = all.estimate().sets[0], got = one.estimate().sets[0];
  CHECK(got.tokens == 4000);
  CHECK(got.labels_kept <= 1);
  CHECK_THAT(got.entropy_nats, WithinAbs(expected.entropy_nats, 1e-6));
  CHECK((!std::isnan(got.corrected_nats) || !got.reason.empty()));
}

}  // namespace
}  // namespace infoplane::estimator
