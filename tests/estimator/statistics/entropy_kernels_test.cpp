#include "estimator/statistics/entropy_kernels.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <cstdint>
#include <infoplane/core/hash.hpp>
#include <numeric>
#include <vector>

namespace infoplane::estimator {
namespace {

using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

// Whole vectors of every instruction set, parts of one, and one more or less than whole.
constexpr std::array<std::int64_t, 12> kCounts = {2, 3, 4, 7, 8, 9, 15, 17, 31, 32, 100, 131};

/// Sums between 0 and 1, every seventh 0. Behind the last one lies NaN, which no sum may take in.
std::vector<float> some_sums(std::int64_t count, std::uint64_t seed) {
  std::vector<float> sums(static_cast<std::size_t>(count) + 1, std::nanf(""));
  for (std::size_t b = 0; b < static_cast<std::size_t>(count); ++b) {
    const auto random = static_cast<double>(splitmix64(seed << 32U | b) >> 11U) * 0x1p-53;
    sums[b] = b % 7 == 3 ? 0.0F : static_cast<float>(random);
  }
  return sums;
}

double entropy_of(const std::vector<double>& sums) {
  const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
  double entropy = 0;
  for (const double sum : sums) {
    entropy -= sum > 0 ? sum / total * std::log(sum / total) : 0;
  }
  return entropy;
}

std::vector<double> total_of(const std::vector<const float*>& rows, std::int64_t count) {
  std::vector<double> total(static_cast<std::size_t>(count), 0.0);
  for (const float* const row : rows) {
    for (std::size_t b = 0; b < total.size(); ++b) {
      total[b] += static_cast<double>(row[b]);
    }
  }
  return total;
}

/// The kernels' logarithm of 0 is that of the smallest normal number.
double logarithm(double x) { return std::log(std::max(x, 1.17549435e-38)); }

TEST_CASE("entropy kernels: product with the logarithms of a sum of rows", "[estimator][kernels]") {
  for (const std::int64_t m : kCounts) {
    CAPTURE(m);
    const auto first = some_sums(m, 1), second = some_sums(m, 2), third = some_sums(m, 3), p = some_sums(m, 4);
    const auto total = total_of({first.data(), second.data(), third.data()}, m);
    double expected = 0, size = 0;
    for (std::size_t b = 0; b < total.size(); ++b) {
      const double product = static_cast<double>(p[b]) * logarithm(total[b] / 4);
      expected += product;
      size += std::abs(product);
    }
    const float got = kernels::dot_logarithms(p.data(), {nullptr, first.data(), second.data(), third.data()}, m, 0.25F);
    CHECK_THAT(static_cast<double>(got), WithinAbs(expected, 1e-6 * size + 1e-9));
  }
}

TEST_CASE("entropy kernels: what tokens of each part give", "[estimator][kernels]") {
  constexpr kernels::SplitWeights kWeights = {1.5F, 0.25F, -1.0F};
  for (const std::int64_t m : kCounts) {
    const auto first = some_sums(m, 1), second = some_sums(m, 2), fourth = some_sums(m, 3);
    const std::array<const float*, 4> rows = {first.data(), second.data(), nullptr, fourth.data()};
    const std::array<std::int64_t, 4> tokens = {3, 1, 0, 2};
    for (const unsigned wanted : {0b0001U, 0b1000U, 0b1011U}) {
      CAPTURE(m, wanted);
      std::array<std::vector<float>, 4> logs;
      std::array<float*, 4> out{};
      for (std::size_t i = 0; i < 4; ++i) {
        logs[i].assign(static_cast<std::size_t>(m) + 1, 7.0F);
        out[i] = (wanted >> i & 1U) != 0 ? logs[i].data() : nullptr;
      }
      kernels::split_logarithms(rows, tokens, m, kWeights, out);
      const auto value = [&](std::size_t i, std::size_t b) {
        return rows[i] == nullptr ? 0.0 : static_cast<double>(rows[i][b]);
      };
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(logs[i].back() == 7.0F);
        for (std::size_t b = 0; b < static_cast<std::size_t>(m); ++b) {
          double expected = 1.5 * logarithm((value(0, b) + value(1, b) + value(3, b)) / 6);
          for (std::size_t j = 0; j < 4; ++j) {
            expected +=
                j == i ? -logarithm(value(i, b) / static_cast<double>(tokens[i]))
                       : 0.25 * logarithm((value(i, b) + value(j, b)) / static_cast<double>(tokens[i] + tokens[j]));
          }
          CHECK_THAT(static_cast<double>(logs[i][b]), WithinAbs(out[i] == nullptr ? 7.0 : expected, 1e-4));
        }
      }
    }
  }
}

TEST_CASE("entropy kernels: products of rows", "[estimator][kernels]") {
  for (const std::int64_t m : kCounts) {
    CAPTURE(m);
    const auto a = some_sums(m, 4), b = some_sums(m, 5);
    const std::vector<double> doubles(b.begin(), b.end());
    const double expected = std::inner_product(a.begin(), a.end() - 1, doubles.begin(), 0.0);
    CHECK_THAT(kernels::dot(a.data(), doubles.data(), m), WithinRel(expected, 1e-14) || WithinAbs(0, 1e-15));
    CHECK_THAT(static_cast<double>(kernels::dot(a.data(), b.data(), m)),
               WithinRel(expected, 1e-6) || WithinAbs(0, 1e-9));
  }
}

TEST_CASE("entropy kernels: a mean of rows and its entropy, also over the first of them", "[estimator][kernels]") {
  for (const std::int64_t m : kCounts) {
    for (const std::size_t number : {1U, 2U, 3U, 8U}) {
      CAPTURE(m, number);
      std::vector<std::vector<float>> values;
      std::vector<const float*> rows;
      for (std::size_t i = 0; i < number; ++i) {
        values.push_back(some_sums(m, 10 + i));
        const double sum = std::accumulate(values[i].begin(), values[i].end() - 1, 0.0);
        for (float& value : values[i]) {
          value /= static_cast<float>(sum);
        }
      }
      for (const auto& row : values) {
        rows.push_back(row.data());
      }
      const auto total = total_of(rows, m);
      const double entropy = kernels::mean_entropy(rows.data(), static_cast<std::int64_t>(number), m, values[0].data());
      CHECK_THAT(entropy, WithinAbs(entropy_of(total), 1e-6));
      for (std::size_t b = 0; b < total.size(); ++b) {
        CHECK_THAT(static_cast<double>(values[0][b]), WithinRel(total[b] / static_cast<double>(number), 1e-6));
      }
      CHECK(std::isnan(values[0].back()));
    }
  }
}

TEST_CASE("entropy kernels: a total of rows, added to that of all", "[estimator][kernels]") {
  for (const std::int64_t m : kCounts) {
    CAPTURE(m);
    const auto first = some_sums(m, 20), second = some_sums(m, 21), third = some_sums(m, 22);
    const auto total = total_of({first.data(), second.data(), third.data()}, m);
    std::vector<double> all(static_cast<std::size_t>(m) + 1, 1.0);
    CHECK_THAT(kernels::total_entropy({first.data(), nullptr, second.data(), third.data()}, m, all.data()),
               WithinAbs(entropy_of(total), 1e-7));
    for (std::size_t b = 0; b < total.size(); ++b) {
      CHECK_THAT(all[b], WithinRel(1 + total[b], 1e-6));
    }
    CHECK(all.back() == 1.0);
  }
}

TEST_CASE("entropy kernels: logarithms in float64", "[estimator][kernels]") {
  for (const std::int64_t m : kCounts) {
    CAPTURE(m);
    const auto floats = some_sums(m, 30);
    const std::vector<double> sums(floats.begin(), floats.end());
    std::vector<double> logs(static_cast<std::size_t>(m) + 1, 7.0);
    kernels::logarithms(sums.data(), m, 3.0, logs.data());
    double products = 0;
    for (std::size_t b = 0; b < static_cast<std::size_t>(m); ++b) {
      CHECK_THAT(logs[b], sums[b] > 0 ? WithinAbs(std::log(3 * sums[b]), 1e-12) : WithinAbs(-708.4, 0.1));
      products += sums[b] > 0 ? sums[b] * std::log(sums[b]) : 0;
    }
    CHECK(logs.back() == 7.0);
    CHECK_THAT(kernels::sum_of_logs(sums.data(), m), WithinAbs(products, 1e-12 * static_cast<double>(m)));
    CHECK_THAT(kernels::sum_of_logs(floats.data(), m), WithinAbs(products, 1e-12 * static_cast<double>(m)));
  }
}

}  // namespace
}  // namespace infoplane::estimator
