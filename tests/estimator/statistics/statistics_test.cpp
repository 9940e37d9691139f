#include "estimator/statistics/statistics_oracle.hpp"

#include <algorithm>
#include <catch2/catch_approx.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/hash.hpp>
#include <numeric>

#include "estimator/oracle.hpp"
#include "estimator/statistics/chance_level.hpp"
#include "estimator/statistics/entropy_kernels.hpp"
#include "estimator/statistics/replicate_pairs.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

const double kLog100 = std::log(100.0);

/// Labels with frequencies of every size: about n / 2, n / 4, …
std::vector<std::int64_t> skewed_labels(std::int64_t n, std::int64_t labels, std::uint64_t salt = 0) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint64_t draw = splitmix64(salt * 1000003U + static_cast<std::uint64_t>(i));
    const double uniform = static_cast<double>(draw >> 11U) * 0x1p-53;
    result.push_back(static_cast<std::int64_t>(std::pow(static_cast<double>(labels), uniform)) - 1);
  }
  return result;
}

/// Representations that lean towards a direction of their label, and of their sequence.
at::Tensor leaning(const std::vector<std::int64_t>& labels, std::int64_t length, double strength,
                   std::uint64_t seed = 1) {
  const auto n = static_cast<std::int64_t>(labels.size());
  const at::Tensor z = normal({n / length, length, 24}, seed);
  const at::Tensor of_label = normal({1 + *std::max_element(labels.begin(), labels.end()), 24}, 77);
  const at::Tensor of_sequence = normal({n / length, 1, 24}, seed + 1000);
  return z + strength * of_label.index_select(0, to_tensor(labels)).reshape(z.sizes()) +
         (length > 1 ? 0.5 : 0.0) * of_sequence;
}

InformationEstimate estimate_of(const at::Tensor& z, const std::vector<std::int64_t>& labels,
                                const SoftEntropyOptions& options = {}) {
  SoftEntropyAccumulator accumulator(z.size(-1), options);
  accumulator.update(z, {{"x", to_tensor(labels)}});
  return accumulator.estimate().sets.at(0);
}

TEST_CASE("statistics: null and corrected values equal an oracle in float64", "[estimator][statistics]") {
  for (const std::int64_t length : {1, 20}) {
    for (const std::uint64_t stream : {0, 5}) {
      CAPTURE(length, stream);
      const auto labels = skewed_labels(2000, 60);
      const at::Tensor z = leaning(labels, length, 0.7);
      SoftEntropyAccumulator accumulator(24, SoftEntropyOptions().stream(stream));
      accumulator.update(z, {{"x", to_tensor(labels)}});
      const Estimate estimate = accumulator.estimate();
      const Oracle oracle(z.reshape({2000, 24}), accumulator.anchors().weight(), accumulator.temperature());
      std::vector<std::vector<double>> rows;
      std::vector<std::int64_t> sequences;
      std::vector<std::pair<std::uint64_t, std::size_t>> priorities;
      for (std::size_t i = 0; i < 2000; ++i) {
        rows.push_back(oracle.row(i));
        sequences.push_back(static_cast<std::int64_t>(i) / length);
        priorities.emplace_back(splitmix64(splitmix64(stream) + i), i);
      }
      std::sort(priorities.begin(), priorities.end());
      std::vector<std::size_t> order, start;
      for (const auto& [priority, i] : priorities) {
        order.push_back(i);
      }
      for (std::uint64_t x = 0; x < 60; ++x) {
        start.push_back(splitmix64(splitmix64(stream) ^ x) >> 62U);
      }
      const StatisticsOracle expected(rows, labels, sequences, order, start);
      const InformationEstimate& got = estimate.sets.at(0);
      CHECK_THAT(got.corrected_entropy_nats, WithinAbs(expected.entropy, 1e-5));
      CHECK_THAT(estimate.corrected_entropy_nats, WithinAbs(expected.entropy, 1e-5));
      CHECK_THAT(got.chance_nats, WithinAbs(expected.null, 1e-5));
      CHECK_THAT(got.corrected_nats, WithinAbs(expected.corrected, 1e-5));
      CHECK(got.corrected_nats < got.information_nats);
      CHECK(got.reason.empty());
    }
  }
}

TEST_CASE("statistics: entropies of rows and of pairs of rows", "[estimator][statistics]") {
  for (const std::int64_t m : {2, 7, 16, 50, 100, 129}) {
    const at::Tensor values = (2 * normal({4, m}, 3)).exp();  // sums of several tokens
    values.select(1, 1).zero_();
    const auto* const sums = values.const_data_ptr<float>();
    const double tokens = values.sum().item<double>();
    const auto got = kernels::split_entropies({sums, nullptr, sums + 2 * m, sums + 3 * m}, m, tokens);
    const auto entropy = [&](std::vector<int> rows) {
      double total = 0, h = 0;
      for (std::int64_t b = 0; b < m; ++b) {
        double sum = 0;
        for (const int row : rows) {
          sum += row == 1 ? 0.0 : static_cast<double>(sums[row * m + b]);
        }
        total += sum;
        h -= sum > 0 ? sum * std::log(sum) : 0.0;
      }
      return total > 0 ? h / total + std::log(total) : 0.0;
    };
    for (int i = 0; i < 4; ++i) {
      CHECK_THAT(got.rows[static_cast<std::size_t>(i)], WithinAbs(entropy({i}), 1e-6));
    }
    for (std::size_t i = 0; i < kReplicatePairs.size(); ++i) {
      CHECK_THAT(
          got.pairs[i],
          WithinAbs(entropy({static_cast<int>(kReplicatePairs[i][0]), static_cast<int>(kReplicatePairs[i][1])}), 1e-6));
    }
  }
}

TEST_CASE("statistics: the null curve of coins has a closed form", "[estimator][statistics]") {
  // Rows are (1, 0) or (0, 1) with probability ½: H of n of them is that of a binomial count.
  std::vector<float> values;
  for (std::uint64_t i = 0; i < 4096; ++i) {
    const bool heads = splitmix64(i) >> 63U != 0;
    values.insert(values.end(), {heads ? 1.0F : 0.0F, heads ? 0.0F : 1.0F});
  }
  Reservoir sample(2, 0);
  const std::vector<std::uint8_t> used(4096, 1);
  auto picks = sample.plan(used);
  sample.add(picks, used, values.data(), 1, {});
  const ChanceLevel curve(sample, sample.order(), 2);
  CHECK_THAT(curve.bias_of_all(1000), WithinAbs(1 / 2000.0, 1e-6));  // T = Σ Var / P = 1
  for (const int n : {1, 2, 4, 8, 64, 1024}) {
    double h = 0;
    for (int k = 1; k < n; ++k) {
      const double q = static_cast<double>(k) / n;
      const double log_probability =
          std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) - n * std::log(2.0);
      h -= std::exp(log_probability) * (q * std::log(q) + (1 - q) * std::log(1 - q));
    }
    CAPTURE(n);
    CHECK_THAT(curve.bias(n), WithinAbs(std::log(2.0) - h, 0.02));
  }
  CHECK_THAT(curve.bias(5000), WithinAbs(1 / (2 * 5000.0), 1e-6));
  CHECK_THAT(curve.bias(3), WithinAbs(std::log(2.0) - 0.75 * (std::log(3.0) - 2.0 / 3 * std::log(2.0)), 0.01));
  CHECK_THAT(curve.bias(2.5625), WithinAbs((curve.bias(2.5) + curve.bias(2.625)) / 2, 1e-12));
}

TEST_CASE("statistics: nothing to correct where tokens of a label are alike", "[estimator][statistics]") {
  const auto labels = some_labels(3000, 8);
  const at::Tensor z = normal({8, 24}).index_select(0, to_tensor(labels));
  const InformationEstimate got = estimate_of(z, labels);
  // Only H(Z) has a bias: that of the shares of 8 labels.
  CHECK_THAT(got.corrected_nats - got.information_nats, WithinAbs(got.corrected_entropy_nats - got.entropy_nats, 1e-6));
  CHECK(got.chance_nats > 0);
  CHECK(got.standard_error_nats > 0);

  const InformationEstimate alike = estimate_of(normal({1, 24}).expand({3000, 24}), labels);
  CHECK_THAT(alike.chance_nats, WithinAbs(0, 1e-6));
  CHECK_THAT(alike.corrected_nats, WithinAbs(0, 1e-6));
  CHECK_THAT(alike.standard_error_nats, WithinAbs(0, 1e-6));
}

TEST_CASE("statistics: the error of H(Z) is that of a mean over sequences", "[estimator][statistics]") {
  for (const std::int64_t length : {1, 30}) {
    CAPTURE(length);
    const at::Tensor z = leaning(std::vector<std::int64_t>(1500, 0), length, 0.0);
    SoftEntropyAccumulator accumulator(24);
    accumulator.update(z);
    const Oracle oracle(z.reshape({1500, 24}), accumulator.anchors().weight(), accumulator.temperature());
    std::vector<double> p(100, 0.0);
    for (std::size_t i = 0; i < 1500; ++i) {
      for (std::size_t b = 0; b < 100; ++b) {
        p[b] += oracle.row(i)[b] / 1500;
      }
    }
    std::vector<double> totals(static_cast<std::size_t>(1500 / length), 0.0);
    for (std::size_t i = 0; i < 1500; ++i) {
      double surprise = -oracle.entropy();
      for (std::size_t b = 0; b < 100; ++b) {
        surprise -= oracle.row(i)[b] * std::log(p[b]);
      }
      totals[i / static_cast<std::size_t>(length)] += surprise / 1500;
    }
    const auto count = static_cast<double>(totals.size());
    const double variance = std::inner_product(totals.begin(), totals.end(), totals.begin(), 0.0) * count / (count - 1);
    const Estimate estimate = accumulator.estimate();
    CHECK(estimate.sequences == 1500 / length);
    CHECK_THAT(estimate.entropy_standard_error_nats, WithinAbs(std::sqrt(variance), 1e-6));
  }
}

TEST_CASE("statistics: labels that say nothing have no information", "[estimator][statistics]") {
  double mean = 0;
  for (const std::uint64_t seed : {1, 2, 3, 4}) {
    const InformationEstimate got = estimate_of(normal({4096, 24}, seed), some_labels(4096, 64, seed));
    CHECK(got.information_nats / kLog100 > 0.01);
    CHECK_THAT(got.chance_nats, WithinAbs(got.information_nats, 0.02 * kLog100));
    mean += got.corrected_nats / kLog100 / 4;
  }
  CHECK_THAT(mean, WithinAbs(0, 0.003));
}

TEST_CASE("statistics: do not depend on how sequences are split into batches", "[estimator][statistics]") {
  const auto labels = skewed_labels(9000, 300);
  const at::Tensor z = leaning(labels, 20, 0.7);  // more tokens than the sample holds
  const at::Tensor given = to_tensor(labels).reshape({450, 20});
  SoftEntropyAccumulator whole(24), parts(24);
  whole.update(z, {{"x", given}});
  for (std::int64_t begin = 0, size = 1; begin < 450; begin += size, size = size * 2 + 1) {
    const std::int64_t end = std::min<std::int64_t>(450, begin + size);
    parts.update(z.slice(0, begin, end), {{"x", given.slice(0, begin, end)}});
  }
  const InformationEstimate expected = whole.estimate().sets[0], got = parts.estimate().sets[0];
  CHECK_THAT(got.information_nats, WithinAbs(expected.information_nats, 1e-7));
  CHECK_THAT(got.chance_nats, WithinAbs(expected.chance_nats, 1e-7));
  CHECK_THAT(got.corrected_nats, WithinAbs(expected.corrected_nats, 1e-6));
  CHECK_THAT(got.standard_error_nats, WithinAbs(expected.standard_error_nats, 1e-6));
  CHECK(got.share_32 == expected.share_32);
}

TEST_CASE("statistics: merged streams give what one stream would, within its noise", "[estimator][statistics]") {
  const auto labels = skewed_labels(9000, 300);
  const at::Tensor z = leaning(labels, 20, 0.7);
  const at::Tensor given = to_tensor(labels).reshape({450, 20});
  SoftEntropyAccumulator whole(24), first(24), second(24, SoftEntropyOptions().stream(1));
  whole.update(z, {{"x", given}});
  first.update(z.slice(0, 0, 100), {{"x", given.slice(0, 0, 100)}});
  second.update(z.slice(0, 100, 450), {{"x", given.slice(0, 100, 450)}});
  const auto memory = second.memory_bytes();
  first.merge(second);
  CHECK(second.memory_bytes() == memory);
  const Estimate merged = first.estimate();
  const InformationEstimate expected = whole.estimate().sets[0], got = merged.sets[0];
  CHECK(merged.sequences == 450);
  CHECK(got.tokens == expected.tokens);
  CHECK(got.labels == expected.labels);
  CHECK(got.share_1 == expected.share_1);
  CHECK(got.share_4 == expected.share_4);
  CHECK_THAT(got.information_nats, WithinAbs(expected.information_nats, 1e-7));
  // Another sample and other parts, both as good.
  CHECK_THAT(got.chance_nats / expected.chance_nats, WithinAbs(1, 0.05));
  CHECK_THAT(got.corrected_nats, WithinAbs(expected.corrected_nats, 2 * expected.standard_error_nats));
  CHECK_THAT(got.standard_error_nats / expected.standard_error_nats, WithinAbs(1, 0.3));
}

TEST_CASE("statistics: shares of tokens by how often their label was seen", "[estimator][statistics]") {
  std::vector<std::int64_t> labels;
  for (const auto& [label, tokens] : std::vector<std::pair<std::int64_t, int>>{{0, 1}, {1, 3}, {2, 4}, {3, 32}}) {
    labels.insert(labels.end(), static_cast<std::size_t>(tokens), label);
  }
  labels.resize(50, -1);
  const InformationEstimate got = estimate_of(normal({50, 24}), labels);
  CHECK(got.tokens == 40);
  CHECK_THAT(got.share_1, WithinAbs(1 / 40.0, 1e-12));
  CHECK_THAT(got.share_4, WithinAbs(36 / 40.0, 1e-12));
  CHECK_THAT(got.share_32, WithinAbs(32 / 40.0, 1e-12));
}

TEST_CASE("statistics: what cannot be known is NaN and says why", "[estimator][statistics]") {
  std::vector<std::int64_t> distinct(200);
  std::iota(distinct.begin(), distinct.end(), 0);
  std::fill(distinct.begin(), distinct.begin() + 8, 1000);
  const InformationEstimate rare = estimate_of(normal({200, 24}), distinct);
  CHECK(std::isnan(rare.corrected_nats));
  CHECK(std::isnan(rare.standard_error_nats));
  CHECK(rare.reason == "only 4 % of the tokens have a label that was seen at least 4 times; 10 % are needed");
  CHECK(rare.error_reason == rare.reason);
  CHECK(std::isfinite(rare.chance_nats));
  CHECK(std::isfinite(rare.information_nats));

  const auto some = some_labels(200, 5);
  const InformationEstimate once = estimate_of(normal({1, 200, 24}), some);
  CHECK(std::isnan(once.corrected_nats));
  CHECK(once.reason == "no label was seen in more than one sequence");

  const InformationEstimate none = estimate_of(normal({200, 24}), std::vector<std::int64_t>(200, -1));
  CHECK(none.tokens == 0);
  CHECK(std::isnan(none.corrected_nats));
  CHECK(none.reason == "no token has a label of this set");

  SoftEntropyAccumulator empty(24);
  CHECK(std::isnan(empty.estimate().corrected_entropy_nats));
  CHECK(std::isnan(empty.estimate().entropy_standard_error_nats));
}

TEST_CASE("statistics: sequences without a token that counts are none", "[estimator][statistics]") {
  constexpr std::int64_t kLength = 128;
  const at::Tensor z = normal({3, kLength, 24});
  const auto labels = some_labels(3 * kLength, 5);
  labels::Grouping counted;
  counted.positions = 3 * kLength;
  counted.row_length = kLength;
  counted.counted.assign(static_cast<std::size_t>(counted.positions), 1);
  std::fill_n(counted.counted.begin() + kLength, kLength, std::uint8_t{0});
  at::Tensor zeroed = z.clone();
  zeroed[1].zero_();
  SoftEntropyAccumulator two(24), masked(24), rejected(24);
  two.update(at::stack({z[0], z[2]}));
  masked.update(z, counted);
  rejected.update(zeroed);
  for (const SoftEntropyAccumulator* each : {&masked, &rejected}) {
    CHECK(each->estimate().sequences == 2);
    CHECK(each->estimate().entropy_standard_error_nats ==
          Catch::Approx(two.estimate().entropy_standard_error_nats).epsilon(1e-12));  // its sums have another order
  }

  zeroed[2].fill_(std::nan(""));
  SoftEntropyAccumulator one(24);
  one.update(zeroed, {{"x", to_tensor(labels)}});
  const Estimate alone = one.estimate();
  CHECK(alone.sequences == 1);
  CHECK(std::isnan(alone.entropy_standard_error_nats));
  CHECK(std::isnan(alone.sets[0].standard_error_nats));
  CHECK_FALSE(alone.sets[0].error_reason.empty());
  SoftEntropyAccumulator merged = one;
  merged.merge(two);
  CHECK(merged.estimate().sequences == 3);
}

TEST_CASE("statistics: an error that holds the error of the mean over many streams", "[estimator][statistics]") {
  double mean = 0, squares = 0, variance = 0;
  constexpr int kRuns = 40;
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    const auto labels = some_labels(1024, 16, run);
    const InformationEstimate got = estimate_of(leaning(labels, 16, 0.7, 5000 + run), labels);
    mean += got.corrected_nats / kRuns;
    squares += got.corrected_nats * got.corrected_nats / kRuns;
    variance += got.standard_error_nats * got.standard_error_nats / kRuns;
  }
  const double spread = std::sqrt((squares - mean * mean) * kRuns / (kRuns - 1));
  CAPTURE(mean, spread, variance);
  CHECK_THAT(std::sqrt(variance) / spread, WithinAbs(1, 0.35));
}

TEST_CASE("statistics: the error of labels that are balanced by design is that of draws which keep the balance",
          "[estimator][statistics]") {
  constexpr std::int64_t kLabels = 8, kTokens = 512;
  constexpr int kStreams = 80;
  std::vector<std::int64_t> in_turn;
  for (std::int64_t i = 0; i < kTokens; ++i) {
    in_turn.push_back(i % kLabels);
  }
  // Unlike labels: the first says nothing, the last nearly everything.
  const auto unlike = [](const std::vector<std::int64_t>& labels, std::uint64_t seed) {
    const at::Tensor strength = at::arange(kLabels).to(at::kFloat).mul(0.35).index_select(0, to_tensor(labels));
    const at::Tensor direction = normal({kLabels, 24}, 77).index_select(0, to_tensor(labels));
    return normal({kTokens, 24}, seed) + strength.unsqueeze(1) * direction;
  };
  double sum = 0, squares = 0, error = 0, error_of_drawn = 0;
  for (std::uint64_t seed = 0; seed < kStreams; ++seed) {
    const SoftEntropyOptions options = SoftEntropyOptions().stream(seed);
    const InformationEstimate balanced = estimate_of(unlike(in_turn, 100 + seed), in_turn, options);
    sum += balanced.corrected_nats;
    squares += balanced.corrected_nats * balanced.corrected_nats;
    error += balanced.standard_error_nats / kStreams;
    const auto drawn = some_labels(kTokens, kLabels, seed);
    error_of_drawn += estimate_of(unlike(drawn, 100 + seed), drawn, options).standard_error_nats / kStreams;
  }
  const double spread = std::sqrt(squares / kStreams - sum / kStreams * (sum / kStreams));
  CAPTURE(spread, error, error_of_drawn);
  CHECK(error > 0.8 * spread);
  CHECK(error < 1.25 * spread);
  CHECK(error_of_drawn > 1.2 * error);
}

}  // namespace
}  // namespace infoplane::estimator
