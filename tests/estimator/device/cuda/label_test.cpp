#include <array>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/assignment/anchors.hpp>

#include "estimator/device/cuda/kernel_runs.hpp"
#include "estimator/device/segments.hpp"
#include "estimator/oracle.hpp"

namespace infoplane::estimator::cuda::test {
namespace {

std::vector<std::int32_t> rows_of(const std::vector<std::int64_t>& labels) { return {labels.begin(), labels.end()}; }

std::vector<std::int64_t> counts_of(const std::vector<std::int32_t>& rows, std::int64_t labels) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(labels));
  for (const std::int32_t row : rows) {
    counts[static_cast<std::size_t>(row)] += row >= 0 ? 1 : 0;
  }
  return counts;
}

/// Σ n_x H(Z|x).
double conditional(const Summarised& set, const std::vector<std::int64_t>& counts) {
  double sum = 0;
  for (std::size_t label = 0; label < counts.size(); ++label) {
    sum += counts[label] == 0 ? 0.0 : static_cast<double>(counts[label]) * set.labels[label].whole;
  }
  return sum;
}

TEST_CASE("cuda estimates: every golden float64 value, all kernels one after another", "[cuda][needs:gpu]") {
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
      const Summarised of_a = summarise(rows[0], one_row_each(7), golden.m);
      const Summarised of_b = summarise(rows[1], one_row_each(64), golden.m);
      const double got = entropy_of(of_a.sum.data(), golden.m);
      double entropy = golden.entropy, info_a = golden.a, info_b = golden.b, within = 2e-7;
      if (type != at::kFloat) {  // the golden values are of float32 z; rounding it moves them by up to 3e-5
        const Oracle oracle(z, anchors.weight(), golden.epsilon);
        entropy = oracle.entropy() / unit;
        info_a = oracle.information({a.begin(), a.end()}).information / unit;
        info_b = oracle.information({b.begin(), b.end()}).information / unit;
        within = 2e-6;
      }
      CHECK(std::abs(got / unit - entropy) < within);
      CHECK(std::abs((got - conditional(of_a, counts_of(a, 7)) / n) / unit - info_a) < within);
      CHECK(std::abs((entropy_of(of_b.sum.data(), golden.m) - conditional(of_b, counts_of(b, 64)) / n) / unit -
                     info_b) < within);
    }
  }
}

TEST_CASE("cuda label rows: sums of every label of every set, on top of what is there", "[cuda][needs:gpu]") {
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

TEST_CASE("cuda label rows: no label, no set and no position change nothing", "[cuda][needs:gpu]") {
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

TEST_CASE("cuda segments: labels that are not kept come first, and dropped rows are one long label", "[cuda]") {
  const std::vector<std::int32_t> rows = {3, kNotKept, -1, 3, kNotKept};
  const std::vector<std::span<const std::int32_t>> sets = {rows};
  const HostSegments segments = make_segments(sets);
  CHECK(segments.order == std::vector<std::int32_t>{1, 4, 0, 3});
  REQUIRE(segments.pieces.size() == 2);
  CHECK(segments.pieces[0].row == kOfLabelsNotKept);
  CHECK(segments.pieces[1].row == 3);
  const std::vector<std::int32_t> dropped = {7, 2};
  const std::vector<std::span<const std::int32_t>> both = {{}, dropped};
  const HostSegments drop = make_drop_segments(both);
  CHECK(drop.order == dropped);
  REQUIRE(drop.pieces.size() == 1);
  CHECK(drop.pieces[0].partial == 0);
  REQUIRE(drop.long_labels.size() == 1);
  CHECK(drop.long_labels[0].set == 1);
  CHECK(drop.long_labels[0].row == kOfLabelsNotKept);
}

TEST_CASE("cuda label rows: float64 rows, labels that are not kept, promotion and dropping", "[cuda][needs:gpu]") {
  require_device();
  constexpr std::int64_t kM = 35;
  constexpr std::size_t kRows = 80;
  const std::vector<float> p(200 * kM, 0.25F);
  const DeviceArray<float> probabilities(p);
  std::vector<float> before(kRows * kM);
  for (std::size_t i = 0; i < before.size(); ++i) {
    before[i] = static_cast<float>(i / kM);  // row r holds r
  }
  const DeviceArray<float> rows(before);
  const DeviceArray<double> large(std::vector<double>(3 * kM, 0.0));
  const DeviceArray<std::int32_t> large_of_sum(std::vector<std::int32_t>(kRows, -1));
  const DeviceArray<LabelSums> sets(std::vector<LabelSums>{{rows.data(), large.data(), large_of_sum.data()}});
  const auto run = [](const HostSegments& host, const auto& call) {
    const DeviceArray<std::int32_t> order(host.order);
    const DeviceArray<LabelPiece> pieces(host.pieces);
    const DeviceArray<LongLabel> long_labels(host.long_labels);
    const DeviceArray<double> partials(static_cast<std::size_t>(host.partial_sums * kM));
    check_launch(call(LabelSegments{order.data(), pieces.data(), static_cast<std::int64_t>(host.pieces.size()),
                                    long_labels.data(), static_cast<std::int64_t>(host.long_labels.size())},
                      partials.data()));
    (void)partials.host();  // the arrays may go
  };
  const DeviceArray<Promotion> promotions(std::vector<Promotion>{{0, 5, 2}, {0, 70, 1}});
  check_launch(promote_label_sums(sets.data(), kM, promotions.data(), 2, nullptr));
  CHECK(large.host()[2 * kM + 3] == 5);
  CHECK(large.host()[kM] == 70);
  CHECK(rows.host()[5 * kM] == 0);
  CHECK(large_of_sum.host()[5] == 2);
  std::vector<std::int32_t> labels(200, 5);  // four pieces
  labels[0] = 6;
  labels[1] = labels[2] = kNotKept;
  const std::vector<std::span<const std::int32_t>> views = {labels};
  run(make_segments(views), [&](const LabelSegments& segments, double* partials) {
    return add_to_label_sums(probabilities.data(), kM, segments, sets.data(), partials, nullptr);
  });
  CHECK(large.host()[2 * kM] == 5 + 197 * 0.25);
  CHECK(large.host()[0] == 0.5);
  CHECK(rows.host()[6 * kM] == 6.25F);
  std::vector<std::int32_t> dropped;
  double expected = 0.5;
  for (std::int32_t row = 0; row < 75; ++row) {
    dropped.push_back(row);
    expected += row + (row == 5 ? 197 * 0.25 : row == 6 ? 0.25 : 0);
  }
  const std::vector<std::span<const std::int32_t>> drop = {dropped};
  run(make_drop_segments(drop), [&](const LabelSegments& segments, double* partials) {
    return drop_label_sums(kM, segments, sets.data(), partials, nullptr);
  });
  CHECK(large.host()[34] == expected);
  CHECK(large.host()[2 * kM + 34] == 0);
  CHECK(large.host()[kM + 34] == 0);
  CHECK(rows.host()[6 * kM] == 0);
  CHECK(rows.host()[76 * kM] == 76);
  CHECK(large_of_sum.host()[5] == -1);
}

TEST_CASE("cuda gather: rows of assignments, and of sums in float32 or float64", "[cuda][needs:gpu]") {
  require_device();
  const std::vector<float> values = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  const DeviceArray<float> rows(values);
  const DeviceArray<std::int32_t> wanted(std::vector<std::int32_t>{2, 0});
  const DeviceArray<float> out(6);
  check_launch(gather_assignments(rows.data(), 3, wanted.data(), 2, out.data(), nullptr));
  CHECK(out.host() == std::vector<float>{6, 7, 8, 0, 1, 2});
  const DeviceArray<double> large(std::vector<double>{9, 9, 9, 10, 11, 12});
  const DeviceArray<std::int32_t> large_of_sum(std::vector<std::int32_t>{1, -1, -1});
  check_launch(
      gather_label_sums({rows.data(), large.data(), large_of_sum.data()}, 3, wanted.data(), 2, out.data(), nullptr));
  CHECK(out.host() == std::vector<float>{6, 7, 8, 10, 11, 12});
}

TEST_CASE("cuda entropies: of labels in one to four rows, and the sum of all rows, agree with float64",
          "[cuda][needs:gpu]") {
  require_device();
  for (const std::int64_t m : {2, 100, 513}) {
    constexpr std::int64_t kRows = 300;
    const at::Tensor random = normal({kRows, m}).abs();
    random.slice(1, 0, 1).fill_(0);  // 0 · log 0 = 0
    random.slice(0, 0, 1).fill_(0);  // a row without tokens
    const float* const values = random.const_data_ptr<float>();
    std::vector<float> rows(values, values + kRows * m);
    const at::Tensor float64 = normal({2, m}).abs().mul(1000).to(at::kDouble);
    const double* const w = float64.const_data_ptr<double>();
    const std::vector<double> large(w, w + 2 * m);  // the first is of labels that are not kept
    std::vector<std::int32_t> large_of_sum(kRows, -1);
    large_of_sum[9] = 1;
    std::fill_n(rows.begin() + 9 * m, m, 0.0F);
    const std::vector<LabelReplicates> labels = {{{1, -1, -1, -1}}, {{-1, 2, -1, 3}},  {{4, 5, 6, 7}},
                                                 {{8, 9, -1, -1}},  {{0, -1, -1, -1}}, {{10, 0, 11, -1}},
                                                 {{-1, -1, -1, -1}}};
    const Summarised got = summarise(rows, labels, m, large, large_of_sum);
    const auto value = [&](std::int32_t row, std::int64_t b) {
      const std::int32_t whole = large_of_sum[static_cast<std::size_t>(row)];
      return whole >= 0 ? large[static_cast<std::size_t>(whole * m + b)]
                        : static_cast<double>(rows[static_cast<std::size_t>(row * m + b)]);
    };
    for (std::size_t label = 0; label < labels.size(); ++label) {
      // Tokens and entropy of the parts whose bit is set.
      const auto of = [&](unsigned parts) {
        std::vector<double> sums(static_cast<std::size_t>(m), 0.0);
        double total = 0;
        int used = 0;
        for (unsigned part = 0; part < 4; ++part) {
          const std::int32_t row = labels[label].rows[part];
          used += row >= 0 && (parts >> part & 1U) != 0 ? 1 : 0;
          for (std::int64_t b = 0; row >= 0 && (parts >> part & 1U) != 0 && b < m; ++b) {
            sums[static_cast<std::size_t>(b)] += value(row, b);
            total += value(row, b);
          }
        }
        return std::array<double, 3>{total, total > 0 ? total * entropy_of(sums.data(), m) : 0, double(used)};
      };
      const auto all = of(15);
      CAPTURE(m, label);
      if (!(all[0] > 0)) {
        CHECK(std::isnan(got.labels[label].whole));
        continue;
      }
      double halves[3] = {all[1] / all[0], all[1] / all[0], all[1] / all[0]};
      double quarters = all[1] / all[0];
      if (all[2] > 1 && all[0] > 3.5) {
        const unsigned ways[3] = {0b0011, 0b0101, 0b1001};
        quarters = 0;
        for (int way = 0; way < 3; ++way) {
          halves[way] = (of(ways[way])[1] + of(15U & ~ways[way])[1]) / all[0];
        }
        for (unsigned part = 0; part < 4; ++part) {
          quarters += of(1U << part)[1] / all[0];
        }
      }
      const double mean = (halves[0] + halves[1] + halves[2]) / 3;
      double noise = 0;
      for (const double half : halves) {
        noise += (half - mean) * (half - mean) / 2;
      }
      CHECK(std::abs(got.labels[label].whole - all[1] / all[0]) < 1e-12);
      CHECK(std::abs(got.labels[label].halves - mean) < 1e-12);
      CHECK(std::abs(got.labels[label].quarters - quarters) < 1e-12);
      CHECK(std::abs(got.labels[label].noise - noise) < 1e-13);
    }
    double worst = 0;
    for (std::int64_t b = 0; b < m; ++b) {
      double sum = large[static_cast<std::size_t>(b)];
      for (std::int32_t row = 0; row < kRows; ++row) {
        sum += value(row, b);
      }
      worst = std::max(worst, std::abs(got.sum[static_cast<std::size_t>(b)] - sum) / (1 + sum));
    }
    CHECK(worst < 1e-13);
  }
}

TEST_CASE("cuda entropies: over no tokens NaN, not a crash", "[cuda][needs:gpu]") {
  require_device();
  const Summarised none = summarise({}, {}, 10);
  CHECK(none.sum == std::vector<double>(10, 0.0));
  const Summarised unseen = summarise(std::vector<float>(20, 0.0F), one_row_each(2), 10);
  CHECK(std::isnan(unseen.labels[1].whole));
}

}  // namespace
}  // namespace infoplane::estimator::cuda::test
