#include <array>
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <infoplane/bound/joint.hpp>
#include <infoplane/bound/joint_builder.hpp>
#include <infoplane/core/error.hpp>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "bound/samples.hpp"

using Catch::Approx;
using Catch::Matchers::Message;
using infoplane::ArgumentError;
using infoplane::StateError;
using infoplane::bound::Joint;
using infoplane::bound::JointBuilder;
using infoplane::bound::merge_alike;
using infoplane::bound::NgramJointBuilder;
using infoplane::test::Dense;
using infoplane::test::joint_of;

namespace {

double information_of(const Dense& counts) {
  double total = 0;
  std::vector<double> rows(counts.size());
  std::vector<double> columns(counts.front().size());
  for (std::size_t x = 0; x < counts.size(); ++x) {
    for (std::size_t y = 0; y < columns.size(); ++y) {
      total += counts[x][y];
      rows[x] += counts[x][y];
      columns[y] += counts[x][y];
    }
  }
  double sum = 0;
  for (std::size_t x = 0; x < counts.size(); ++x) {
    for (std::size_t y = 0; y < columns.size(); ++y) {
      sum += counts[x][y] > 0 ? counts[x][y] / total * std::log(counts[x][y] * total / (rows[x] * columns[y])) : 0;
    }
  }
  return sum;
}

std::span<const unsigned char> bytes(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

}  // namespace

TEST_CASE("a joint holds masses, entropies and information", "[bound]") {
  const auto joint = joint_of({{1, 1, 0}, {0, 0, 2}});
  REQUIRE(joint.rows() == 2);
  REQUIRE(joint.columns() == 3);
  REQUIRE(joint.nonzeros() == 3);
  REQUIRE(joint.total() == 4);
  REQUIRE(joint.row_entropy() == Approx(std::log(2)));
  REQUIRE(joint.column_entropy() == Approx(1.5 * std::log(2)));
  REQUIRE(joint.information() == Approx(std::log(2)));
  REQUIRE(joint.values_of(1)[0] == 0.5);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const auto counts = infoplane::test::random_counts(seed, 7, 5);
    REQUIRE(joint_of(counts).information() == Approx(information_of(counts)));
  }
}

TEST_CASE("arrays that make no joint are refused", "[bound]") {
  REQUIRE_THROWS_MATCHES(Joint({0, 2}, {0}, {1}, 1), ArgumentError,
                         Message("a joint needs offsets that begin with 0 and end with the number of entries; got 2 "
                                 "offsets, 1 columns and 1 counts"));
  REQUIRE_THROWS_MATCHES(Joint({0, 2, 1, 2}, {0, 0}, {1, 1}, 1), ArgumentError,
                         Message("the offsets of a joint must not fall; they do from 2 to 1 at row 1"));
  REQUIRE_THROWS_MATCHES(Joint({0, 1}, {3}, {1}, 3), ArgumentError, Message("entry 0 of a joint is in column 3 of 3"));
  REQUIRE_THROWS_MATCHES(Joint({0, 1}, {0}, {-1}, 1), ArgumentError,
                         Message("entry 0 of a joint has the count -1: counts are finite and not negative"));
  REQUIRE_THROWS_AS(Joint({0, 1}, {0}, {std::numeric_limits<double>::quiet_NaN()}, 1), ArgumentError);
  REQUIRE_THROWS_MATCHES(Joint({0, 1}, {0}, {0}, 1), ArgumentError,
                         Message("the counts of a joint add up to 0: it needs a pair that occurred"));
}

TEST_CASE("pairs of any ids are counted", "[bound]") {
  JointBuilder builder;
  REQUIRE_THROWS_MATCHES(builder.build(), StateError, Message("a joint needs at least one pair: none was added"));
  const std::array<std::int64_t, 5> x{1'000'000'000'000, 7, 7, -1, 7};
  const std::array<std::int64_t, 5> y{3, 3, 4, 3, -100};
  builder.add(x, y);
  builder.add(7, 3, 2.5);
  const auto joint = builder.build();
  REQUIRE(joint.rows() == 2);
  REQUIRE(joint.columns() == 2);
  REQUIRE(joint.total() == 5.5);
  REQUIRE(joint.values_of(1)[0] == 3.5 / 5.5);
  REQUIRE_THROWS_MATCHES(builder.add(1, 1, -2), ArgumentError,
                         Message("the pair (1, 1) came with the count -2: counts are finite and not negative"));
  REQUIRE_THROWS_MATCHES(builder.add(std::span(x), std::span(y).first(4)), ArgumentError,
                         Message("pairs need as many x as y, got 5 and 4"));
}

TEST_CASE("n-gram pairs of a text are those of a naive count", "[bound]") {
  std::string text = "abracadabra, the quick brown fox; abracadabra again and again";
  for (const int input : {1, 2, 4}) {
    for (const int output : {1, 2, 3}) {
      std::map<std::pair<std::string, std::string>, int> naive;
      std::map<std::string, int> rows;
      int total = 0;
      for (int i = input - 1; i + output < static_cast<int>(text.size()); ++i) {
        const auto before = text.substr(static_cast<std::size_t>(i + 1 - input), static_cast<std::size_t>(input));
        ++naive[{before, text.substr(static_cast<std::size_t>(i + 1), static_cast<std::size_t>(output))}];
        ++rows[before];
        ++total;
      }
      NgramJointBuilder builder(input, output);
      builder.add(bytes(text));
      const auto joint = builder.build();
      CAPTURE(input, output);
      REQUIRE(joint.total() == total);
      REQUIRE(joint.nonzeros() == static_cast<std::int64_t>(naive.size()));
      double entropy = 0;
      for (const auto& [row, count] : rows) {
        entropy -= count * std::log(static_cast<double>(count) / total) / total;
      }
      REQUIRE(joint.row_entropy() == Approx(entropy));
    }
  }
}

TEST_CASE("no n-gram reaches over the end of a sequence", "[bound]") {
  NgramJointBuilder builder(1, 1);
  const std::array<std::int32_t, 5> tokens{1, 2, -1, 3, 4};
  builder.add(tokens);
  builder.add(std::array<std::int64_t, 2>{5, 6});
  REQUIRE(builder.build().total() == 3);
  REQUIRE_THROWS_MATCHES(NgramJointBuilder(0, 1), ArgumentError, Message("n-gram orders are from 1 to 8, got 0 and 1"));
  REQUIRE_THROWS_AS(NgramJointBuilder(1, 9), ArgumentError);
}

TEST_CASE("merging rows and columns that are alike keeps the information", "[bound]") {
  // Row 2 is twice row 0, column 3 three times column 1; row 3 is empty.
  const Dense counts{{1, 2, 0, 6}, {3, 1, 1, 3}, {2, 4, 0, 12}, {0, 0, 0, 0}};
  const auto joint = joint_of(counts);
  const auto merged = merge_alike(joint);
  REQUIRE(merged.rows() == 2);
  REQUIRE(merged.columns() == 3);
  REQUIRE(merged.information() == Approx(joint.information()));
  REQUIRE(merged.total() == Approx(joint.total()));
  const auto random = joint_of(infoplane::test::random_counts(3, 20, 10));
  REQUIRE(merge_alike(random).rows() == 20);
  REQUIRE(merge_alike(random).information() == Approx(random.information()));
}
