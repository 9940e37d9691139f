#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <infoplane/bound/ib_curve.hpp>
#include <infoplane/bound/joint_builder.hpp>
#include <infoplane/core/error.hpp>
#include <map>

#include "core/state.hpp"
#include "estimator/bounds/samples.hpp"
#include "estimator/bounds/sources.hpp"
#include "estimator/measure.hpp"
#include "estimator/same_bits.hpp"
#include "estimator/state_samples.hpp"

// I(Y;B̄): what goes through the input label, with the soft assignments averaged over its contexts.
namespace infoplane::estimator {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;

labels::LabelOptions orders(std::vector<int> of) { return labels::LabelOptions().input_orders(of).output_orders(of); }

/// From the definition, in float64: x and y of each position, negative where there is none.
struct Plain {
  double complexity = 0, through = 0;

  Plain(const Oracle& oracle, const std::vector<std::int64_t>& x, const std::vector<std::int64_t>& y) {
    std::map<std::int64_t, std::vector<double>> of_x, of_y;
    std::map<std::int64_t, double> n_x, paired, n_y;
    std::vector<double> all;
    double count = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i] >= 0 && !oracle.row(i).empty()) {
        add_weighted(of_x[x[i]], 1, oracle.row(i));
        ++n_x[x[i]];
      }
    }
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i] >= 0 && y[i] >= 0 && !oracle.row(i).empty()) {
        add_weighted(of_y[y[i]], 1 / n_x[x[i]], of_x[x[i]]);
        add_weighted(all, 1 / n_x[x[i]], of_x[x[i]]);
        ++paired[x[i]];
        ++n_y[y[i]];
        ++count;
      }
    }
    complexity = through = plain_entropy(all);
    for (const auto& [label, tokens] : paired) {
      complexity -= tokens / count * plain_entropy(of_x[label]);
    }
    for (const auto& [label, tokens] : n_y) {
      through -= tokens / count * plain_entropy(of_y[label]);
    }
  }
};

}  // namespace

TEST_CASE("through: agrees with its definition in float64", "[estimator][through]") {
  for (const std::int64_t vocabulary : {3, 20, 400}) {
    const std::int64_t sequences = 20, length = 30;
    const auto tokens = some_labels(sequences * length, vocabulary, 4);
    at::Tensor z = normal({sequences, length, 16}).add(to_tensor(tokens).reshape({sequences, length, 1}).cos().mul(2));
    z[2][5].zero_();  // a row that does not count
    SoftEntropyAccumulator accumulator(16, SoftEntropyOptions().anchors(30));
    labels::LabelIndex index(orders({1}));
    for (std::int64_t begin = 0; begin < sequences; begin += 5) {
      const auto first = tokens.begin() + begin * length;
      accumulator.update(z.narrow(0, begin, 5), grouped(index, {first, first + 5 * length}, 5));
    }
    std::vector<std::int64_t> next(tokens.begin() + 1, tokens.end());
    next.push_back(-1);
    for (std::int64_t s = 0; s < sequences; ++s) {
      next[static_cast<std::size_t>((s + 1) * length - 1)] = -1;
    }
    const Oracle oracle(z, accumulator.anchors().weight(), accumulator.temperature());
    const Plain plain(oracle, tokens, next);
    const Estimate estimate = accumulator.estimate();
    CAPTURE(vocabulary);
    REQUIRE(estimate.through.size() == 1);
    const ThroughEstimate& through = estimate.through[0];
    CHECK(through.input == "input_unigram");
    CHECK(through.output == "output_unigram");
    CHECK(through.positions == sequences * (length - 1) - 1);
    CHECK_THAT(through.information_nats, WithinAbs(plain.through, 2e-6));
    CHECK_THAT(through.complexity_nats, WithinAbs(plain.complexity, 2e-6));
    check_bounded_by_context(estimate);
  }
}

TEST_CASE("through: is never above the curve of the measured tokens", "[estimator][through][bound]") {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    const std::int64_t vocabulary = 2 + static_cast<std::int64_t>(seed % 6), length = 40;
    const int order = seed % 4 == 3 ? 2 : 1;
    const std::int64_t sequences = 6;
    auto tokens = some_labels(sequences * length, vocabulary, seed);
    for (std::size_t i = 1; i < tokens.size(); ++i) {  // so that something follows from something
      tokens[i] = seed % 2 == 0 && i % 3 != 0 ? (tokens[i - 1] * 2 + 1) % vocabulary : tokens[i];
    }
    const std::int64_t m = 2 + static_cast<std::int64_t>(seed % 5) * 4;
    SoftEntropyAccumulator accumulator(8, SoftEntropyOptions().anchors(m));
    labels::LabelIndex index(orders({order}));
    const at::Tensor hints = to_tensor(tokens).reshape({sequences, length, 1}).add(at::arange(8)).cos();
    accumulator.update(normal({sequences, length, 8}, seed).add(hints.mul(static_cast<double>(seed % 8))),
                       grouped(index, tokens, sequences));
    bound::NgramJointBuilder pairs(order, order);
    for (std::int64_t s = 0; s < sequences; ++s) {
      pairs.add(std::span<const std::int64_t>(tokens.data() + s * length, static_cast<std::size_t>(length)));
    }
    const auto curve = bound::IbCurve::solve(pairs.build(), bound::IbCurveOptions().clusters(m));
    const ThroughEstimate through = accumulator.estimate().through.at(0);
    CAPTURE(seed, vocabulary, order, m, through.complexity_nats, through.information_nats);
    const double bound = curve.expressivity_at(through.complexity_nats);
    CHECK(through.information_nats <= bound + curve.tolerance() + 1e-6);
    CHECK(bound <= through.complexity_nats + 1e-6);
  }
}

TEST_CASE("through: corrected is the truth of sources in closed form", "[estimator][through][statistics]") {
  // Chosen before: |bias| below 3 standard errors of the mean of 40 texts and 0.002 nats; the cover of a 90 % interval,
  // also of what the context adds, from 75 to 100 % of 40.
  const auto kind = GENERATE(Source::Kind::kMarkov, Source::Kind::kIndependent, Source::Kind::kMemory);
  const Source source(kind);
  constexpr int kTexts = 40;
  double bias = 0, error = 0, added_bias = 0, added_error = 0, plug_in = 0;
  int held = 0, added_held = 0;
  Source::Truth truth;
  for (int text = 0; text < kTexts; ++text) {
    const auto drawn = source.draw(32, 64, static_cast<std::uint64_t>(text));
    SoftEntropyAccumulator accumulator(Source::kDimension, SoftEntropyOptions().anchors(50));
    labels::LabelIndex index(orders({1}));
    accumulator.update(drawn.z, grouped(index, drawn.tokens, drawn.sequences));
    truth = source.truth(accumulator.anchors().weight(), accumulator.temperature());
    const Estimate estimate = accumulator.estimate();
    const ThroughEstimate& through = estimate.through.at(0);
    const double difference = through.corrected_nats - truth.through;
    bias += difference / kTexts;
    error += through.standard_error_nats / kTexts;
    held += std::abs(difference) < 1.645 * through.standard_error_nats ? 1 : 0;
    plug_in += (through.information_nats - truth.through) / kTexts;
    const double added = set_of(estimate, "output_unigram").corrected_nats - through.corrected_nats;
    const std::array<std::pair<std::size_t, double>, 2> difference_of = {
        {{Covariance::information_of(1), 1.0}, {Covariance::through_of(0, estimate.sets.size()), -1.0}}};
    const double its_error = std::sqrt(estimate.covariance.variance(difference_of));
    const double its_difference = added - (truth.expressivity - truth.through);
    added_bias += its_difference / kTexts;
    added_error += its_error / kTexts;
    added_held += std::abs(its_difference) < 1.645 * its_error ? 1 : 0;
  }
  CAPTURE(static_cast<int>(kind), truth.through, truth.expressivity, bias, error, held, added_bias, added_error,
          added_held);
  if (kind == Source::Kind::kMemory) {
    CHECK(truth.expressivity > 5 * truth.through);  // the context's part is what it must be
  } else {
    CHECK_THAT(truth.expressivity, WithinAbs(truth.through, 1e-12));
  }
  if (kind == Source::Kind::kIndependent) {
    CHECK_THAT(truth.through, WithinAbs(0, 1e-12));
  }
  CHECK(plug_in > 0.005);  // without a correction it is off
  CHECK(std::abs(bias) < 3 * error / std::sqrt(kTexts) + 0.002);
  CHECK(std::abs(added_bias) < 3 * added_error / std::sqrt(kTexts) + 0.002);
  CHECK(held >= 30);
  CHECK(added_held >= 30);
}

TEST_CASE("through: saved, resumed and merged it is that of the whole", "[estimator][through][state]") {
  const Source source(Source::Kind::kMemory);
  const auto text = source.draw(40, 50, 3);
  const auto options = SoftEntropyOptions().anchors(20);
  SoftEntropyAccumulator whole(Source::kDimension, options), first(Source::kDimension, options),
      second(Source::kDimension, SoftEntropyOptions(options).stream(1));
  labels::LabelIndex index(orders({1, 2})), other(orders({1, 2}));
  for (std::int64_t begin = 0; begin < 40; begin += 10) {
    const at::Tensor z = text.z.narrow(0, begin, 10);
    const auto at = text.tokens.begin() + begin * 50;
    const std::vector<std::int64_t> tokens(at, at + 500);
    whole.update(z, grouped(index, tokens, 10));
    if (begin == 20) {
      load(first, saved(SoftEntropyAccumulator(first)));
    }
    (begin < 30 ? first : second).update(z, grouped(begin < 20 ? index : other, tokens, 10));
  }
  SoftEntropyAccumulator resumed(Source::kDimension, options);
  load(resumed, saved(whole));
  CHECK(same_bits(resumed.estimate(), whole.estimate()));
  first.merge(second);
  const Estimate expected = whole.estimate(), merged = first.estimate();
  REQUIRE(merged.through.size() == 2);
  for (std::size_t pair = 0; pair < 2; ++pair) {
    const ThroughEstimate& a = expected.through[pair];
    const ThroughEstimate& b = merged.through[pair];
    CHECK(a.input == b.input);
    CHECK(a.positions == b.positions);
    CHECK_THAT(b.information_nats, WithinAbs(a.information_nats, 2e-6));
    CHECK_THAT(b.complexity_nats, WithinAbs(a.complexity_nats, 2e-6));
    CHECK_THAT(b.corrected_nats, WithinAbs(a.corrected_nats, 2 * a.standard_error_nats));  // other replicates
    CHECK(b.standard_error_nats / a.standard_error_nats > 0.7);
    CHECK(b.standard_error_nats / a.standard_error_nats < 1.4);
  }
}

TEST_CASE("through: a state with pairs of other sets, or twice, is refused", "[estimator][through][state]") {
  const Source source(Source::Kind::kMarkov);
  const auto text = source.draw(4, 20, 3);
  SoftEntropyAccumulator accumulator(Source::kDimension, SoftEntropyOptions().anchors(10));
  labels::LabelIndex index(orders({1, 2}));
  accumulator.update(text.z, grouped(index, text.tokens, 4));
  std::istringstream in(saved(accumulator));
  const std::string content = state::read(in, "accumulator", kStateVersion).bytes;
  const auto named = [](const std::string& name) {
    state::Writer out;
    out.put_text(name);
    return out.take();
  };
  /// The pairs come behind the sets: the last of these names is theirs.
  const auto with = [&](const std::string& name, const std::string& instead) {
    std::string changed = content;
    changed.replace(changed.rfind(named(name)), named(name).size(), named(instead));
    std::ostringstream out;
    state::write(out, "accumulator", kStateVersion, changed);
    return out.str();
  };
  SoftEntropyAccumulator target(Source::kDimension, SoftEntropyOptions().anchors(10));
  CHECK_NOTHROW(load(target, with("output_bigram", "output_bigram")));
  CHECK_THROWS_AS(load(target, with("output_unigram", "output_bigram")), IoError);
  CHECK_THROWS_AS(load(target, with("input_unigram", "input_bigram")), IoError);
  CHECK_THROWS_AS(load(target, with("input_unigram", "output_unigram")), IoError);
}

TEST_CASE("through: where the joint is not known there is a reason", "[estimator][through]") {
  const Source source(Source::Kind::kMarkov);
  const auto text = source.draw(10, 40, 3);
  const auto of = [&](const SoftEntropyOptions& options) {
    SoftEntropyAccumulator accumulator(Source::kDimension, options);
    labels::LabelIndex index(orders({1}));
    accumulator.update(text.z, grouped(index, text.tokens, 10));
    return accumulator.estimate().through.at(0);
  };
  const ThroughEstimate dropped = of(SoftEntropyOptions().anchors(10).max_labels(5));
  CHECK(std::isnan(dropped.information_nats));
  CHECK_THAT(dropped.reason, ContainsSubstring("raise max_labels"));
  CHECK(dropped.positions == 390);
  const ThroughEstimate uniform = of(SoftEntropyOptions().anchors(10).label_weights(LabelWeights::kUniform));
  CHECK(std::isnan(uniform.corrected_nats));
  CHECK_THAT(uniform.reason, ContainsSubstring("labels weigh the same"));
  SoftEntropyAccumulator none(Source::kDimension, SoftEntropyOptions().anchors(10));
  labels::LabelIndex index(labels::LabelOptions().input_orders({1}).output_orders({2}));
  none.update(text.z, grouped(index, text.tokens, 10));
  CHECK(none.estimate().through.empty());
  SoftEntropyAccumulator one(Source::kDimension, SoftEntropyOptions().anchors(10));
  labels::LabelIndex unigrams(orders({1}));
  one.update(text.z.narrow(0, 0, 1), grouped(unigrams, {text.tokens.begin(), text.tokens.begin() + 40}, 1));
  CHECK(std::isfinite(one.estimate().through.at(0).information_nats));
  CHECK(std::isnan(one.estimate().through.at(0).standard_error_nats));
  CHECK_FALSE(one.estimate().through.at(0).error_reason.empty());
}

}  // namespace infoplane::estimator
