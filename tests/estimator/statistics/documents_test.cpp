#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>
#include <cmath>
#include <cstdint>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/labels/label_index.hpp>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "estimator/oracle.hpp"
#include "estimator/same_bits.hpp"
#include "estimator/state_samples.hpp"

namespace infoplane::estimator {
namespace {

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using labels::IntegerView;
using labels::LabelIndex;
using labels::LabelOptions;

constexpr std::int64_t kWidth = 16;

LabelOptions unigrams() { return LabelOptions().input_orders({1}).output_orders({1}); }

/// Text in its order: rows of one document stand beside each other, and share what it is about.
struct Text {
  at::Tensor z, tokens, documents;

  Text(std::int64_t rows, std::int64_t length, std::int64_t rows_of_document, std::uint64_t seed, double effect = 1) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    const auto clusters = normal({8, kWidth}, 77);
    documents = at::arange(rows).div(rows_of_document, "floor").unsqueeze(1).expand({rows, length}).contiguous();
    tokens = at::randint(8, {rows, length}, generator, at::kLong);
    const auto about = at::randn({rows, kWidth}, generator, at::kFloat).index_select(0, documents.select(1, 0));
    z = clusters.index_select(0, tokens.flatten()).view({rows, length, kWidth}) + effect * about.unsqueeze(1) +
        0.7 * at::randn({rows, length, kWidth}, generator, at::kFloat);
  }
  labels::TokenBatch batch(bool with_documents, std::int64_t first, std::int64_t count) const {
    const auto view = [&](const at::Tensor& values) {
      return IntegerView(values.const_data_ptr<std::int64_t>() + first * values.size(1), count, values.size(1));
    };
    labels::TokenBatch result{view(tokens)};
    if (with_documents) {
      result.documents = view(documents);
    }
    return result;
  }
  /// Rows first … first + count, in micro-batches of `step` rows.
  void give(SoftEntropyAccumulator& to, LabelIndex& index, bool with_documents, std::int64_t first, std::int64_t count,
            std::int64_t step) const {
    for (std::int64_t row = first; row < first + count; row += step) {
      const auto rows = std::min(step, first + count - row);
      to.update(z.slice(0, row, row + rows), index.group(batch(with_documents, row, rows)));
    }
  }
};

SoftEntropyOptions options(std::uint64_t stream = 0) { return SoftEntropyOptions().anchors(20).stream(stream); }

Estimate measured(const Text& text, bool with_documents, bool span_rows, std::int64_t step = 32) {
  SoftEntropyAccumulator accumulator(kWidth, options());
  LabelIndex index(unigrams().documents_span_rows(span_rows));
  text.give(accumulator, index, with_documents, 0, text.tokens.size(0), step);
  return accumulator.estimate();
}

struct Cover {
  std::vector<double> values, errors;
  void add(double value, double error) {
    values.push_back(value);
    errors.push_back(error);
  }
  double mean() const {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }
  double spread() const {
    double squares = 0;
    for (const double value : values) {
      squares += (value - mean()) * (value - mean());
    }
    return std::sqrt(squares / static_cast<double>(values.size() - 1));
  }
  double error() const {
    return std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
  }
  /// Of the 90 % intervals, which hold the mean of all.
  double share() const {
    double held = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      held += std::abs(values[i] - mean()) <= 1.645 * errors[i] ? 1 : 0;
    }
    return held / static_cast<double>(values.size());
  }
};

}  // namespace

TEST_CASE("documents: errors are between them, and hold the truth where those between sequences do not",
          "[estimator][documents]") {
  constexpr int kTexts = 150;
  for (const std::int64_t rows_of_document : {4, 8, 16}) {
    Cover context[2], information[2];
    for (int number = 0; number < kTexts; ++number) {
      const Text text(512, 16, rows_of_document, 1000 + static_cast<std::uint64_t>(number));
      for (const bool with : {false, true}) {
        const Estimate estimate = measured(text, with, with);
        context[with].add(estimate.corrected_context_nats, estimate.context_standard_error_nats);
        const auto& set = set_of(estimate, "input_unigram");
        information[with].add(set.corrected_nats, set.standard_error_nats);
        CHECK(estimate.sequences == (with ? 512 / rows_of_document : 512));
      }
    }
    INFO(rows_of_document << " rows a document: context: spread / error between sequences "
                          << context[0].spread() / context[0].error() << ", cover " << 100 * context[0].share()
                          << " %; between documents " << context[1].spread() / context[1].error() << ", "
                          << 100 * context[1].share()
                          << " %; input unigrams: " << information[0].spread() / information[0].error() << ", "
                          << 100 * information[0].share() << " %; " << information[1].spread() / information[1].error()
                          << ", " << 100 * information[1].share() << " %");
    CHECK(context[1].share() >= 0.8);
    CHECK(information[1].share() >= 0.8);
    CHECK(context[0].share() < 0.8);
    CHECK(context[0].error() < 0.8 * context[1].error());
  }
}

TEST_CASE("documents: numbers that start anew in each row are documents of their own", "[estimator][documents]") {
  Text text(64, 16, 1, 3);
  text.documents = at::arange(16).div(4, "floor").unsqueeze(0).expand({64, 16}).contiguous();  // 0 … 3 in each row
  CHECK(measured(text, true, false).sequences == 256);
  CHECK(measured(text, true, true).sequences == 4);
  CHECK(measured(text, false, false).sequences == 64);
  Text again = text;  // a document that is interrupted is one
  again.documents = at::arange(16).remainder(2).unsqueeze(0).expand({64, 16}).contiguous();
  CHECK(measured(again, true, false).sequences == 128);
}

TEST_CASE("documents: one document a row is what sequences are, to the last bit", "[estimator][documents]") {
  const Text text(64, 16, 1, 4);
  CHECK(same_bits(measured(text, true, false), measured(text, false, false)));
}

TEST_CASE("documents: those that span rows are the same in any batches, merged or resumed", "[estimator][documents]") {
  const Text text(96, 16, 5, 5);  // documents go on over the seams
  const LabelOptions spanning = unigrams().documents_span_rows(true);
  const Estimate whole = measured(text, true, true, 96);
  CHECK(whole.sequences == 20);
  for (const std::int64_t step : {1, 7, 32}) {
    const Estimate parts = measured(text, true, true, step);
    CHECK(parts.sequences == 20);
    CHECK(std::abs(parts.entropy_nats - whole.entropy_nats) < 1e-9);
    CHECK(std::abs(parts.context_standard_error_nats / whole.context_standard_error_nats - 1) < 1e-9);
    const auto &one = set_of(parts, "input_unigram"), &other = set_of(whole, "input_unigram");
    CHECK(std::abs(one.corrected_nats - other.corrected_nats) < 1e-6);
    CHECK(std::abs(one.standard_error_nats / other.standard_error_nats - 1) < 1e-6);
  }
  LabelIndex here(spanning), there(spanning);
  SoftEntropyAccumulator first(kWidth, options(0)), second(kWidth, options(1));
  text.give(first, here, true, 0, 43, 16);
  text.give(second, there, true, 43, 53, 16);
  first.merge(second);
  const Estimate merged = first.estimate();
  CHECK(merged.sequences == 20);
  CHECK(std::abs(merged.entropy_nats - whole.entropy_nats) < 1e-9);
  CHECK(std::abs(set_of(merged, "input_unigram").corrected_nats - set_of(whole, "input_unigram").corrected_nats) <
        0.02);
  CHECK(std::abs(merged.context_standard_error_nats / whole.context_standard_error_nats - 1) < 1e-6);
  SoftEntropyAccumulator resumed(kWidth, options(0));
  load(resumed, saved(first));
  CHECK(same_bits(resumed.estimate(), merged));
  CHECK(saved(resumed) == saved(first));
}

TEST_CASE("documents: what cannot be says why", "[estimator][documents]") {
  const Text text(8, 16, 2, 6);
  LabelIndex index(unigrams().documents_span_rows(true));
  CHECK_THROWS_MATCHES(
      index.group(text.batch(false, 0, 8)), ArgumentError,
      MessageMatches(ContainsSubstring("documents_span_rows, but a micro-batch came without documents")));
  labels::Grouping grouping;
  grouping.positions = 4;
  grouping.units = {0, 1};
  SoftEntropyAccumulator accumulator(kWidth, options());
  CHECK_THROWS_MATCHES(accumulator.update(normal({4, kWidth}), grouping), ShapeError,
                       MessageMatches(ContainsSubstring("units of 2 positions, but z has 4")));
  grouping.units = {0, 1, 2, 0};
  grouping.unit_count = 2;
  CHECK_THROWS_MATCHES(accumulator.update(normal({4, kWidth}), grouping), ArgumentError,
                       MessageMatches(ContainsSubstring("unit 2 at position 2, but only 2 units")));
}

}  // namespace infoplane::estimator
