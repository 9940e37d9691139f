#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <fstream>
#include <infoplane/estimator/differentiable.hpp>
#include <iterator>

#include "estimator/assignment/soft_assignment.hpp"
#include "estimator/bounds/samples.hpp"
#include "estimator/bounds/sources.hpp"
#include "estimator/state_samples.hpp"

// I(context;Z) = H(Z) − mean H(p_i), where each position is its own value of X.
namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using kernels::InstructionSet;

/// Mean H(p_i) over the rows with a label, in float64.
double row_entropy(const Oracle& oracle, const std::vector<std::int64_t>& labels) {
  double total = 0, count = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] >= 0 && !oracle.row(i).empty()) {
      total += plain_entropy(oracle.row(i));
      ++count;
    }
  }
  return total / count;
}

/// Rows of all magnitudes, one of them bad.
at::Tensor some_rows(std::int64_t n, std::int64_t d, at::ScalarType type, std::uint64_t seed = 1) {
  at::Tensor z = normal({n, d}, seed);
  z[1].mul_(1e20);
  z[2].mul_(1e-23);
  z[3].zero_();
  return type == at::kHalf ? normal({n, d}, seed).to(type) : z.to(type);
}

using Kernel = kernels::SoftAssignment (*)(const at::Tensor&, const kernels::AnchorPanels&, double,
                                           const std::uint8_t*);

void check_rows(Kernel kernel, const kernels::AnchorPanels& panels, const at::Tensor& z, double epsilon) {
  const Oracle oracle(z, panels.weight(), epsilon);
  const auto result = kernel(z, panels, epsilon, nullptr);
  double worst = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(result.rows); ++i) {
    if (result.used[i] != 0) {
      worst = std::max(worst, std::abs(static_cast<double>(result.entropies[i]) - plain_entropy(oracle.row(i))));
    }
  }
  // A score is off by about 2^-23 / ε, and an entropy by no more than that times the spread of its scores.
  CHECK(worst < 2e-6 + 1e-6 / epsilon);
}

}  // namespace

TEST_CASE("context: entropies of rows are those of the oracle, by every kernel", "[estimator][context]") {
  for (const std::int64_t d : {2, 7, 64, 768}) {
    for (const std::int64_t m : {2, 3, 50, 100, 1024}) {
      const Anchors anchors(m, d, 3);
      const double epsilon = temperature(d, m);
      for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16}) {
        CAPTURE(d, m, type);
        const at::Tensor z = some_rows(53, d, type);
        for (const InstructionSet set : {InstructionSet::kPortable, kernels::best_instruction_set()}) {
          check_rows(&kernels::soft_assignment_cpu, kernels::AnchorPanels(anchors.weight(), set), z, epsilon);
        }
        check_rows(&kernels::soft_assignment_aten, kernels::AnchorPanels(anchors.weight()), z, epsilon);
      }
    }
  }
}

TEST_CASE("context: a row that one anchor takes has no entropy, one of equal scores all", "[estimator][context]") {
  const Anchors anchors(5, 8);
  const kernels::AnchorPanels panels(anchors.weight());
  const auto sharp = kernels::soft_assignment_cpu(anchors.weight()[2].unsqueeze(0), panels, 1e-6, nullptr);
  CHECK_THAT(sharp.entropies.at(0), WithinAbs(0, 1e-6));
  const auto flat = kernels::soft_assignment_cpu(anchors.weight()[2].unsqueeze(0), panels, 1e6, nullptr);
  CHECK_THAT(flat.entropies.at(0), WithinAbs(std::log(5.0), 1e-5));
}

TEST_CASE("context: agrees with the oracle in float64, with and without labels", "[estimator][context]") {
  for (const auto& [n, d, m] : {std::tuple<std::int64_t, std::int64_t, std::int64_t>{300, 16, 20}, {2000, 64, 100}}) {
    const at::Tensor z = some_rows(n, d, at::kFloat);
    auto labels = some_labels(n, 17);
    labels[5] = -1;
    SoftEntropyAccumulator accumulator(d, SoftEntropyOptions().anchors(m));
    accumulator.update(z.narrow(0, 0, 100), {{"a", to_tensor({labels.begin(), labels.begin() + 100})}});
    accumulator.update(z.narrow(0, 100, n - 100), {{"a", to_tensor({labels.begin() + 100, labels.end()})}});
    SoftEntropyAccumulator without(d, SoftEntropyOptions().anchors(m));
    without.update(z);
    const Oracle oracle(z, accumulator.anchors().weight(), accumulator.temperature());
    const Estimate estimate = accumulator.estimate();
    const double unit = std::log(static_cast<double>(m));
    const double all = oracle.entropy() - row_entropy(oracle, std::vector<std::int64_t>(labels.size(), 0));
    const double labelled = oracle.information(labels).entropy - row_entropy(oracle, labels);
    CHECK_THAT(estimate.context_nats / unit, WithinAbs(all / unit, 2e-7));
    CHECK_THAT(without.estimate().context_nats / unit, WithinAbs(all / unit, 2e-7));
    CHECK_THAT(set_of(estimate, "a").context_nats / unit, WithinAbs(labelled / unit, 2e-7));
    CHECK(estimate.tokens == n - 1);
    check_bounded_by_context(estimate);
  }
}

TEST_CASE("context: bounds every information of the same positions, in every sample", "[estimator][context]") {
  const auto weights = GENERATE(LabelWeights::kEmpirical, LabelWeights::kUniform);
  const std::int64_t max_labels = GENERATE(0, 8);
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const std::int64_t d = 2 + static_cast<std::int64_t>(seed % 20), m = 2 + static_cast<std::int64_t>(seed * 7 % 60);
    const auto options = SoftEntropyOptions().anchors(m).label_weights(weights).max_labels(max_labels);
    SoftEntropyAccumulator first(d, options), second(d, SoftEntropyOptions(options).stream(1));
    labels::LabelIndex index;
    for (std::uint64_t batch = 0; batch < 3; ++batch) {
      SoftEntropyAccumulator& to = batch < 2 ? first : second;
      const std::int64_t n = 24 + 8 * static_cast<std::int64_t>(seed % 5);
      const at::Tensor z = normal({4, n / 4, d}, 100 * seed + batch);
      const auto type = seed % 3 == 0 ? at::kBFloat16 : at::kFloat;
      to.update(z.to(type), grouped(index, some_labels(n, 3 + static_cast<std::int64_t>(seed % 40), seed + batch), 4));
      auto each = some_labels(n, std::int64_t{1} << 40, 100 * seed + batch);  // a label for each position: equality
      each[0] = -1;
      to.update(z.to(type), {{"each", to_tensor(each)}, {"one", to_tensor(std::vector<std::int64_t>(each.size(), 7))}});
    }
    CAPTURE(seed, m, d);
    check_bounded_by_context(first.estimate());
    if (max_labels == 0) {
      const auto& each = set_of(first.estimate(), "each");
      CHECK_THAT(each.information_nats, WithinAbs(each.context_nats, 2e-6));
    }
    SoftEntropyAccumulator resumed(d, options);
    load(resumed, saved(first));
    CHECK(resumed.estimate().context_nats == first.estimate().context_nats);
    first.merge(second);
    check_bounded_by_context(first.estimate());
  }
}

TEST_CASE("context: of the whole is that of its batches, in any order of merging", "[estimator][context]") {
  const at::Tensor z = normal({40, 25, 12});
  const auto options = SoftEntropyOptions().anchors(30);
  SoftEntropyAccumulator whole(12, options), first(12, options), second(12, SoftEntropyOptions(options).stream(1));
  whole.update(z);
  first.update(z.narrow(0, 0, 13));
  second.update(z.narrow(0, 13, 27));
  first.merge(second);
  CHECK_THAT(first.estimate().context_nats, WithinAbs(whole.estimate().context_nats, 1e-6));
  whole.clear();
  CHECK(std::isnan(whole.estimate().context_nats));
  whole.update(z.narrow(0, 0, 13));
  second.reset();
  second.update(z.narrow(0, 0, 13));
  CHECK(whole.estimate().context_nats == second.estimate().context_nats);
}

TEST_CASE("context: a state of before it has none, and says so by NaN", "[estimator][context][state]") {
  std::ifstream file(INFOPLANE_OLD_STATE, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  REQUIRE(content.size() > 100);
  std::ostringstream sealed;
  state::write(sealed, "accumulator", 2, content);
  SoftEntropyAccumulator accumulator(3, SoftEntropyOptions().anchors(4));
  load(accumulator, sealed.str());
  const Estimate estimate = accumulator.estimate();
  REQUIRE(estimate.tokens > 0);
  CHECK(std::isfinite(estimate.entropy_nats));
  CHECK(std::isnan(estimate.context_nats));
  CHECK(std::isnan(estimate.context_standard_error_nats));
  CHECK(std::isnan(estimate.sets.at(0).context_nats));
  CHECK(std::isfinite(estimate.sets.at(0).information_nats));
  SoftEntropyAccumulator again(3, SoftEntropyOptions().anchors(4));
  load(again, saved(accumulator));  // stays unknown
  CHECK(std::isnan(again.estimate().context_nats));
}

TEST_CASE("context: corrected is the truth within its error", "[estimator][context][statistics]") {
  // 40 texts of 2048 tokens from a source of known truth. Chosen before: |bias| below a standard error of the mean of
  // 40, times 3; the cover of a 90 % interval from 75 to 100 % of 40.
  const Source source(Source::Kind::kMarkov);
  double bias = 0, error = 0;
  int held = 0;
  constexpr int kTexts = 40;
  for (int text = 0; text < kTexts; ++text) {
    const auto drawn = source.draw(32, 64, static_cast<std::uint64_t>(text));
    SoftEntropyAccumulator accumulator(Source::kDimension, SoftEntropyOptions().anchors(50));
    accumulator.update(drawn.z);
    const Estimate estimate = accumulator.estimate();
    const double truth = source.truth(accumulator.anchors().weight(), accumulator.temperature()).context;
    const double difference = estimate.corrected_context_nats - truth;
    bias += difference / kTexts;
    error += estimate.context_standard_error_nats / kTexts;
    held += std::abs(difference) < 1.645 * estimate.context_standard_error_nats ? 1 : 0;
  }
  CHECK(std::abs(bias) < 3 * error / std::sqrt(kTexts));
  CHECK(held >= 30);
}

TEST_CASE("context: the differentiable form has its value and its gradient", "[estimator][context][differentiable]") {
  const at::Tensor z = normal({60, 9}).to(at::kDouble);
  const AnchoredSpace space(9, SoftEntropyOptions().anchors(20));
  SoftEntropyAccumulator accumulator(9, SoftEntropyOptions().anchors(20));
  accumulator.update(z);
  CHECK_THAT(soft_context_information(z, space).item<double>(), WithinAbs(accumulator.estimate().context_nats, 1e-6));
  CHECK_THAT(soft_context_information(z, SoftEntropyOptions().anchors(20)).item<double>(),
             WithinAbs(accumulator.estimate().context_nats, 1e-6));
  at::Tensor leaf = z.clone().set_requires_grad(true);
  soft_context_information(leaf, space).backward();
  constexpr double kStep = 1e-6;
  for (const std::int64_t i : {0, 7, 100, 539}) {
    const auto at = [&](double step) {
      at::Tensor moved = z.clone();
      moved.view(-1)[i] += step;
      return soft_context_information(moved, space).item<double>();
    };
    CHECK_THAT((at(kStep) - at(-kStep)) / (2 * kStep), WithinAbs(leaf.grad().view(-1)[i].item<double>(), 1e-7));
  }
  at::Tensor bad = z.clone();
  bad[3][2] = std::nan("");
  CHECK_THAT(soft_context_information(bad, space).item<double>(),
             WithinAbs(soft_context_information(at::cat({z.narrow(0, 0, 3), z.narrow(0, 4, 56)}), space).item<double>(),
                       1e-9));
}

}  // namespace infoplane::estimator
