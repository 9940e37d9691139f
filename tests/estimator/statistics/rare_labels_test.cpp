#include <algorithm>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <infoplane/core/hash.hpp>
#include <limits>

#include "core/state.hpp"
#include "estimator/label_sums/replicates.hpp"
#include "estimator/label_sums/token_counts.hpp"
#include "estimator/oracle.hpp"
#include "estimator/statistics/label_totals.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;

const double kLog100 = std::log(100.0);
constexpr std::int64_t kLabels = 400;

/// Label x with a probability of about 1 / (x + 1).
std::vector<std::int64_t> zipf_labels(std::int64_t n, std::uint64_t seed) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint64_t draw = splitmix64(seed * 7919U + splitmix64(static_cast<std::uint64_t>(i)));
    const double uniform = static_cast<double>(draw >> 11U) * 0x1p-53;
    result.push_back(static_cast<std::int64_t>(std::pow(static_cast<double>(kLabels + 1), uniform)) - 1);
  }
  return result;
}

/// Clusters around directions of labels: the rarer, the farther out where `trend` is above 0.
InformationEstimate estimate_of(std::int64_t tokens, double strength, double trend, std::uint64_t seed) {
  const std::vector<std::int64_t> labels = zipf_labels(tokens, seed);
  const at::Tensor rank = at::arange(1, kLabels + 1).to(at::kFloat) / std::sqrt(static_cast<double>(kLabels));
  const at::Tensor centres = strength * rank.pow(trend).unsqueeze(1) * normal({kLabels, 24}, 77);
  SoftEntropyAccumulator accumulator(24, SoftEntropyOptions().stream(seed));
  accumulator.update(normal({tokens, 24}, seed) + centres.index_select(0, to_tensor(labels)),
                     {{"x", to_tensor(labels)}});
  return accumulator.estimate().sets[0];
}

}  // namespace

TEST_CASE("rare labels: that say more or less than frequent ones are measured on themselves",
          "[estimator][statistics]") {
  struct Population {
    double strength, trend;
  };
  for (const auto& [strength, trend] : {Population{0.35, 0.4}, Population{0.5, -0.3}, Population{0.5, 0.0}}) {
    // Of so many tokens the rarest label has 50 or more.
    const double truth = estimate_of(131072, strength, trend, 1000).corrected_nats;
    constexpr int kRuns = 16;
    double mean = 0, covered = 0;
    for (std::uint64_t run = 0; run < kRuns; ++run) {
      const InformationEstimate got = estimate_of(1536, strength, trend, run);
      mean += got.corrected_nats / kRuns;
      covered += std::abs(got.corrected_nats - truth) <= 1.6449 * got.standard_error_nats ? 1 : 0;
    }
    CAPTURE(strength, trend, truth, mean, covered);
    CHECK_THAT(mean / truth, WithinAbs(1, 0.1));
    CHECK(covered >= 12);
  }
}

TEST_CASE("dependent tokens: chance stays chance where neighbours are alike and have the same label",
          "[estimator][statistics]") {
  constexpr std::int64_t kLength = 64, kSequences = 64;
  constexpr int kRuns = 12;
  double mean = 0, null = 0;
  for (std::uint64_t run = 0; run < kRuns; ++run) {
    // Labels stay with probability ½; tokens are an autoregressive process and know nothing of them.
    std::vector<std::int64_t> labels;
    for (std::int64_t i = 0; i < kLength * kSequences; ++i) {
      const std::uint64_t draw = splitmix64(run << 32U | static_cast<std::uint64_t>(i));
      const bool stays = i % kLength > 0 && draw >> 63U != 0;
      labels.push_back(stays ? labels.back() : static_cast<std::int64_t>(draw % 32));
    }
    const at::Tensor z = normal({kSequences, kLength, 24}, run);
    for (std::int64_t i = 1; i < kLength; ++i) {
      z.select(1, i).mul_(std::sqrt(1 - 0.81)).add_(z.select(1, i - 1), 0.9);
    }
    SoftEntropyAccumulator accumulator(24, SoftEntropyOptions().stream(run));
    accumulator.update(z, {{"x", to_tensor(labels).reshape({kSequences, kLength})}});
    const InformationEstimate got = accumulator.estimate().sets[0];
    mean += got.corrected_nats / kLog100 / kRuns;
    null += (got.information_nats - got.chance_nats) / kLog100 / kRuns;
  }
  CAPTURE(mean, null);
  CHECK(null > 0.01);
  CHECK_THAT(mean, WithinAbs(0, 0.004));
}

TEST_CASE("row entropies: what a state of version 3 did not say of each sum stays unknown", "[estimator][state]") {
  state::Writer out;
  const std::vector<std::uint16_t> tokens = {3}, visits = {1};
  const std::vector<float> squares = {3};
  out.put_array(tokens);  // pending
  out.put_array(tokens);  // recent
  out.put_array(visits);
  out.put_array(squares);
  out.put_array(std::vector<double>());
  out.put(2.5);  // of all tokens
  out.put_array(std::vector<std::uint32_t>());
  const std::string content = out.take();
  state::Reader in(content);
  Replicates replicates(0);
  replicates.grow(1);
  replicates.set_sum(0, 2, 0);
  TokenCounts counts;
  counts.load(in, replicates, TokenCounts::SavedEntropies::kTogether);
  in.end();
  CHECK(std::isnan(counts.row_entropies(0)));
  CHECK(counts.all_row_entropies() == 2.5);
  counts.add(0, 1, 1, 0.5);  // a token that comes later
  CHECK(std::isnan(counts.row_entropies(0)));
  CHECK(counts.all_row_entropies() == 3.0);
  TokenCounts other;
  other.take();
  other.add(0, 1, 1, 0.25);
  CHECK(other.row_entropies(0) == 0.25);
  other.add_row_entropies(counts.all_row_entropies());
  other.add(0, 4, 4, counts.row_entropies(0));
  CHECK(std::isnan(other.row_entropies(0)));
  CHECK(other.all_row_entropies() == 3.25);
}

TEST_CASE("row entropies: a label without them grows from its quarters", "[estimator][statistics]") {
  LabelCounts counts;
  counts.tokens = 3;
  counts.replicates = {1, 1, 1, 0};
  counts.squares = {1, 1, 1, 0};
  counts.row_entropies = 1.5;
  CHECK(counts.grows());
  CHECK_FALSE(counts.splits());
  counts.row_entropies = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(counts.grows());
  counts.tokens = 4;
  counts.replicates[3] = 1;
  CHECK(counts.grows());
  counts.replicates = {0, 4, 0, 0};
  CHECK_FALSE(counts.grows());
}

}  // namespace infoplane::estimator
