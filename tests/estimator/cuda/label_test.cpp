#include <array>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/anchors.hpp>

#include "estimator/cuda/kernel_runs.hpp"
#include "estimator/kernels/cuda/segments.hpp"
#include "estimator/oracle.hpp"

namespace infoplane::estimator::kernels::cuda::test {
namespace {

std::vector<std::int32_t> rows_of(const std::vector<std::int64_t>& labels) { return {labels.begin(), labels.end()}; }

std::vector<std::int64_t> counts_of(const std::vector<std::int32_t>& rows, std::int64_t labels) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(labels));
  for (const std::int32_t row : rows) {
    counts[static_cast<std::size_t>(row)] += row >= 0 ? 1 : 0;
  }
  return counts;
}

TEST_CASE("cuda estimates: every golden float64 value, all kernels one after another", "[cuda]") {
  require_device();
  struct Golden {
    std::int64_t n, d, m;
    double epsilon, entropy, a, b;
  };
  for (const auto& golden : {
           Golden{512, 64, 100, 0.036229879115384965, 0.8984451987553767, 0.16760226886089713, 0.10518078751510063},
           {512, 64, 100, 0.03704947502179903, 0.9001875346229445, 0.16554667713427862, 0.10202665572548253},
           {1024, 768, 100, 0.011767821911310424, 0.9590176867544313, 0.18201079159371691, 0.05771060321596555},
           {1024, 768, 100, 0.01178375996713357, 0.9590759544314805, 0.18183781485143746, 0.05757958486492154},
           {512, 16, 50, 0.05410270187536456, 0.8926183167091115, 0.13484232178437028, 0.10720516180586748},
           {512, 16, 50, 0.06270165462502263, 0.9018344587947467, 0.12642112513270298, 0.09232452613164477},
           {512, 128, 256, 0.0246438398650634, 0.9079123686707737, 0.17488788917305664, 0.1387509727430256},
           {512, 128, 256, 0.024888385997115278, 0.908753666460251, 0.17382342742785795, 0.1368019514323897},
       }) {
    std::vector<std::int32_t> a, b;
    for (std::int64_t i = 0; i < golden.n; ++i) {
      a.push_back(static_cast<std::int32_t>(i % 7));
      b.push_back(static_cast<std::int32_t>((i * i + 3 * i) % 64));
    }
    const Anchors anchors(golden.m, golden.d, 0, Anchors::Rule::kRaw);
    const double unit = std::log(static_cast<double>(golden.m));
    const auto n = static_cast<double>(golden.n);
    for (const auto type : {at::kFloat, at::kHalf, at::kBFloat16}) {
      const at::Tensor z = golden_representations(golden.n, golden.d).to(type);
      CAPTURE(golden.d, golden.m, golden.epsilon, type);
      const Assigned assigned = assign(z, anchors.weight(), golden.epsilon);
      const auto rows = label_rows(assigned.on_device, golden.m, {a, b}, {7, 64});
      const SetSummary of_a = summarise(rows[0], counts_of(a, 7), golden.m).summary;
      const SetSummary of_b = summarise(rows[1], counts_of(b, 64), golden.m).summary;
      CHECK(of_a.tokens == n);
      CHECK(of_a.labels == 7);
      double entropy = golden.entropy, info_a = golden.a, info_b = golden.b, within = 2e-7;
      if (type != at::kFloat) {  // the golden values are of float32 z; rounding it moves them by up to 3e-5
        const Oracle oracle(z, anchors.weight(), golden.epsilon);
        entropy = oracle.entropy() / unit;
        info_a = oracle.information({a.begin(), a.end()}).information / unit;
        info_b = oracle.information({b.begin(), b.end()}).information / unit;
        within = 2e-6;
      }
      CHECK(std::abs(of_a.entropy / unit - entropy) < within);
      CHECK(std::abs((of_a.entropy - of_a.conditional_weighted / n) / unit - info_a) < within);
      CHECK(std::abs((of_b.entropy - of_b.conditional_weighted / n) / unit - info_b) < within);
    }
  }
}

TEST_CASE("cuda label rows: sums of every label of every set, on top of what is there", "[cuda]") {
  require_device();
  for (const std::int64_t m : {2, 33, 100, 515}) {
    constexpr std::int64_t kPositions = 700;
    const std::array<std::int64_t, 4> labels = {1, 5, 64, 1000};  // one of 700 positions: eleven pieces
    const at::Tensor p = normal({kPositions, m}).abs();
    const float* const values = p.const_data_ptr<float>();
    const DeviceArray<float> device(std::vector<float>(values, values + kPositions * m));
    std::vector<std::vector<std::int32_t>> sets;
    for (const std::int64_t count : labels) {
      sets.push_back(rows_of(some_labels(kPositions, count, static_cast<std::uint64_t>(count))));
      for (std::size_t i = 0; i < kPositions; i += 13) {
        sets.back()[i] = count == 1 ? 0 : -1;
      }
    }
    const std::vector<std::int64_t> counts(labels.begin(), labels.end());
    const auto got = label_rows(device, m, sets, counts, 0.5F);
    for (std::size_t set = 0; set < sets.size(); ++set) {
      std::vector<double> expected(got[set].size(), 0.5);
      for (std::size_t i = 0; i < kPositions; ++i) {
        for (std::int64_t b = 0; b < m && sets[set][i] >= 0; ++b) {
          expected[static_cast<std::size_t>(sets[set][i] * m + b)] +=
              static_cast<double>(values[static_cast<std::int64_t>(i) * m + b]);
        }
      }
      double worst = 0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(got[set][i]) - expected[i]) / expected[i]);
      }
      CAPTURE(m, set);
      CHECK(worst < 1e-7);
    }
    shuffle_threads(static_cast<std::uint64_t>(m));
    CHECK(label_rows(device, m, sets, counts, 0.5F) == got);
  }
}

TEST_CASE("cuda label rows: no label, no set and no position change nothing", "[cuda]") {
  require_device();
  const DeviceArray<float> p(std::vector<float>(6, 1.0F));
  CHECK(label_rows(p, 2, {{-1, -1, -1}}, {2}, 3.0F) == std::vector<std::vector<float>>{{3, 3, 3, 3}});
  CHECK(label_rows(p, 2, {}, {}).empty());
  CHECK(label_rows(p, 2, {{}}, {1}, 3.0F) == std::vector<std::vector<float>>{{3, 3}});
}

TEST_CASE("cuda segments: pieces cover each labelled position once, in order", "[cuda]") {
  std::vector<std::int32_t> rows(200, 4);
  rows[7] = -1;
  rows[8] = 2;
  const std::vector<std::int32_t> other = {0, -100, 0};
  const std::vector<std::span<const std::int32_t>> sets = {rows, other};
  const HostSegments segments = make_segments(sets);
  REQUIRE(segments.order.size() == 201);
  CHECK(segments.order[0] == 8);
  CHECK(segments.order[199] == 0);
  CHECK(segments.order[200] == 2);
  REQUIRE(segments.pieces.size() == 6);
  REQUIRE(segments.long_labels.size() == 1);
  CHECK(segments.long_labels[0].row == 4);
  CHECK(segments.long_labels[0].end - segments.long_labels[0].begin == 4);
  CHECK(segments.partial_sums == 4);
  std::int32_t end = 0;
  for (const auto& piece : segments.pieces) {
    CHECK(piece.begin == end);
    CHECK(piece.end > piece.begin);
    CHECK(piece.end - piece.begin <= kPiecePositions);
    end = piece.end;
  }
  CHECK(end == 201);
}

TEST_CASE("cuda segments: a row number that is too large is an error", "[cuda]") {
  const std::vector<std::int32_t> rows = {0, 0x7fffffff};
  const std::vector<std::span<const std::int32_t>> sets = {rows};
  CHECK_THROWS_WITH(make_segments(sets), Catch::Matchers::ContainsSubstring("has row 2147483647"));
}

TEST_CASE("cuda entropies: every row and their sum agree with float64", "[cuda]") {
  require_device();
  for (const std::int64_t m : {2, 100, 513}) {
    for (const std::int64_t count : {1, 9, 700}) {
      std::vector<std::int64_t> tokens = some_labels(count, 5);
      tokens[0] = 3;
      const at::Tensor random = normal({count, m}).abs();
      random.slice(1, 0, 1).fill_(0);  // 0 · log 0 = 0
      const float* const values = random.const_data_ptr<float>();
      const std::vector<float> rows(values, values + count * m);
      const Summarised got = summarise(rows, tokens, m);
      std::vector<double> all(static_cast<std::size_t>(m));
      double weighted = 0, sum = 0, total_tokens = 0, labels = 0;
      const auto entropy_of = [](const auto* row, std::int64_t size) {
        double total = 0, result = 0;
        for (std::int64_t b = 0; b < size; ++b) {
          total += static_cast<double>(row[b]);
        }
        for (std::int64_t b = 0; b < size; ++b) {
          const double share = static_cast<double>(row[b]) / total;
          result -= share > 0 ? share * std::log(share) : 0;
        }
        return result;
      };
      for (std::int64_t row = 0; row < count; ++row) {
        const std::int64_t n = tokens[static_cast<std::size_t>(row)];
        const double entropy = got.entropies[static_cast<std::size_t>(row)];
        CAPTURE(m, count, row);
        if (n == 0) {
          CHECK(std::isnan(entropy));
          continue;
        }
        const double expected = entropy_of(values + row * m, m);
        CHECK(std::abs(entropy - expected) < 1e-12);
        weighted += static_cast<double>(n) * expected;
        sum += expected;
        total_tokens += static_cast<double>(n);
        labels += 1;
        for (std::int64_t b = 0; b < m; ++b) {
          all[static_cast<std::size_t>(b)] += static_cast<double>(values[row * m + b]);
        }
      }
      CHECK(got.summary.tokens == total_tokens);
      CHECK(got.summary.labels == labels);
      CHECK(std::abs(got.summary.entropy - entropy_of(all.data(), m)) < 1e-12);
      CHECK(std::abs(got.summary.conditional_weighted - weighted) < 1e-9 * (1 + weighted));
      CHECK(std::abs(got.summary.conditional_sum - sum) < 1e-9 * (1 + sum));
    }
  }
}

TEST_CASE("cuda entropies: over no tokens NaN, not a crash", "[cuda]") {
  require_device();
  const Summarised none = summarise({}, {}, 10);
  CHECK(std::isnan(none.summary.entropy));
  CHECK(none.summary.tokens == 0);
  const Summarised unseen = summarise(std::vector<float>(20, 0.0F), {0, 0}, 10);
  CHECK(std::isnan(unseen.summary.entropy));
  CHECK(std::isnan(unseen.entropies[1]));
  CHECK(unseen.summary.labels == 0);
}

}  // namespace
}  // namespace infoplane::estimator::kernels::cuda::test
