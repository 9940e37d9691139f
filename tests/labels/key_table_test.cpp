#include <array>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cstdint>
#include <infoplane/core/error.hpp>
#include <infoplane/labels/key_table.hpp>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace infoplane::labels {

using Catch::Matchers::Message;
using Key = std::vector<std::int64_t>;

namespace {

constexpr auto kLowest = std::numeric_limits<std::int64_t>::min();
constexpr auto kHighest = std::numeric_limits<std::int64_t>::max();

Key key_of(const KeyTable& table, std::int64_t row) {
  const auto key = table.key(row);
  return {key.begin(), key.end()};
}

}  // namespace

TEST_CASE("keys get rows in order of first appearance", "[labels]") {
  KeyTable table(2);
  CHECK(table.insert(Key{7, 8}) == 0);
  CHECK(table.insert(Key{8, 7}) == 1);
  CHECK(table.insert(Key{7, 8}) == 0);
  CHECK(table.insert(Key{7, 7}) == 2);
  CHECK(table.size() == 3);
  CHECK(table.width() == 2);
  CHECK(key_of(table, 1) == Key{8, 7});
  CHECK(table.find(Key{7, 7}) == 2);
  CHECK(table.find(Key{8, 8}) == kNoRow);
  CHECK(table.find(Key{7}) == kNoRow);
  CHECK(table.size() == 3);
}

TEST_CASE("any integer is a key, the extremes too", "[labels]") {
  KeyTable table;
  const std::vector<std::int64_t> keys{0, -1, -100, kLowest, kHighest, 1, kLowest + 1, std::int64_t{1} << 32U};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CHECK(table.insert({&keys[i], 1}) == static_cast<std::int32_t>(i));
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CHECK(table.find({&keys[i], 1}) == static_cast<std::int32_t>(i));
  }
}

TEST_CASE("growth keeps rows, whatever the pattern of the keys", "[labels]") {
  // Multiples of large powers of two, and pairs whose sums, differences or xors are equal.
  const auto shift = GENERATE(0, 16, 32, 44);
  constexpr std::int64_t kCount = 200'000;
  KeyTable single(1);
  KeyTable pairs(2);
  const auto single_key = [&](std::int64_t i) { return Key{i << static_cast<unsigned>(shift)}; };
  const auto pair_key = [&](std::int64_t i) {
    return Key{i << static_cast<unsigned>(shift), (kCount - i) << static_cast<unsigned>(shift)};
  };
  bool dense = true;
  for (std::int64_t i = 0; i < kCount; ++i) {
    dense = dense && single.insert(single_key(i)) == i && pairs.insert(pair_key(i)) == i;
  }
  CHECK(dense);
  bool found = true;
  for (std::int64_t i = 0; i < kCount; ++i) {
    found = found && single.find(single_key(i)) == i && pairs.find(pair_key(i)) == i && key_of(pairs, i) == pair_key(i);
  }
  CHECK(found);
  CHECK(single.find(single_key(kCount)) == kNoRow);
  CHECK(single.memory_bytes() >= kCount * 16);
  CHECK(single.memory_bytes() <= kCount * 48);
}

TEST_CASE("quadgrams that share a base-V code get rows of their own", "[labels]") {
  // V^4 is a multiple of 2^64 at V = 2^18: (a, b, c, d) and (a + 2^10, b, c, d) have the same 64-bit code.
  constexpr std::uint64_t kVocabulary = 1U << 18U;
  const auto code = [](const Key& key) {
    std::uint64_t sum = 0;
    for (const auto token : key) {
      sum = sum * kVocabulary + static_cast<std::uint64_t>(token);
    }
    return sum;
  };
  KeyTable table(4);
  std::map<std::uint64_t, int> codes;
  std::int32_t rows = 0;
  for (std::int64_t wrap = 0; wrap < 200; ++wrap) {
    for (const std::int64_t last : {0, 1, 255'999}) {
      const Key key{5 + wrap * 1024, 99'999, 128'255, last};
      ++codes[code(key)];
      REQUIRE(table.insert(key) == rows++);
    }
  }
  CHECK(codes.size() == 3);  // so the keys do collide as codes
  CHECK(table.size() == 600);
}

TEST_CASE("windows are inserted as one by one", "[labels]") {
  std::mt19937_64 random(11);
  for (int width = 1; width <= 8; ++width) {
    KeyTable fast(width);
    KeyTable slow(width);
    for (const std::size_t count : {0, 1, 31, 32, 33, 2000}) {
      std::vector<std::int64_t> values(count + static_cast<std::size_t>(width) - 1);
      for (auto& value : values) {
        value = static_cast<std::int64_t>(random() % 5);
      }
      std::vector<std::int32_t> rows(count, kNoRow);
      std::vector<std::int32_t> expected;
      for (std::size_t j = 0; j < count; ++j) {
        expected.push_back(slow.insert({values.data() + j, static_cast<std::size_t>(width)}));
      }
      fast.insert_windows(values, rows);
      REQUIRE(rows == expected);
      REQUIRE(fast.size() == slow.size());
    }
  }
}

TEST_CASE("truncate undoes inserts, also over a growth", "[labels]") {
  // Many small tables: their probe sequences often wrap around the end, which is where growth reorders slots.
  std::mt19937_64 random(5);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  bool intact = true;
  for (int trial = 0; trial < 2000; ++trial) {
    KeyTable table(1);
    std::vector<std::int64_t> order;  // keys by row
    for (int round = 0; round < 4; ++round) {
      for (auto count = below(trial % 100 == 0 ? 5000 : 40); count > 0; --count) {
        order.push_back(static_cast<std::int64_t>(random()));
        intact = intact && table.insert({&order.back(), 1}) == static_cast<std::int32_t>(order.size()) - 1;
      }
      const auto left = below(order.size() + 1);
      table.truncate(static_cast<std::int64_t>(left));
      intact = intact && table.size() == static_cast<std::int64_t>(left);
      for (std::size_t row = 0; row < order.size(); ++row) {
        const auto expected = row < left ? static_cast<std::int32_t>(row) : kNoRow;
        intact = intact && table.find({&order[row], 1}) == expected;
      }
      order.resize(left);
    }
    REQUIRE(intact);
  }

  KeyTable table(1);
  table.insert(Key{1});
  table.truncate(2);
  CHECK(table.size() == 1);
  table.truncate(-1);
  CHECK(table.size() == 0);
  CHECK(table.insert(Key{3}) == 0);
}

TEST_CASE("keys inserted by row restore a table", "[labels]") {
  KeyTable table(2);
  std::mt19937_64 random(3);
  for (int i = 0; i < 5000; ++i) {
    table.insert(Key{static_cast<std::int64_t>(random() % 60), static_cast<std::int64_t>(random() % 60)});
  }
  KeyTable restored(2);
  for (std::int64_t row = 0; row < table.size(); ++row) {
    REQUIRE(restored.insert(table.key(row)) == row);
  }
  CHECK(restored.size() == table.size());
  CHECK(table.size() > 2000);
}

TEST_CASE("a key table says what it cannot do, and stays as it was", "[labels]") {
  CHECK_THROWS_MATCHES(KeyTable(0), ArgumentError,
                       Message("a key table of width 0 is impossible; give a width of 1 to 8"));
  CHECK_THROWS_MATCHES(KeyTable(9), ArgumentError,
                       Message("a key table of width 9 is impossible; give a width of 1 to 8"));
  CHECK_THROWS_MATCHES(KeyTable(1, 0), ArgumentError,
                       Message("a key table of at most 0 rows is impossible; give 1 to 2147483647"));
  CHECK_THROWS_AS(KeyTable(1, KeyTable::kMaxRows + 1), ArgumentError);

  KeyTable table(1, 3);
  for (const std::int64_t value : {10, 20, 30}) {
    table.insert({&value, 1});
  }
  CHECK_THROWS_MATCHES(table.insert(Key{40}), StateError,
                       Message("a key table is full: 3 labels, and one more came; use labels of a lower order or with "
                               "fewer values"));
  CHECK_THROWS_MATCHES(table.insert(Key{1, 2}), ArgumentError,
                       Message("a key of 2 integers does not fit a key table of width 1"));
  std::array<std::int32_t, 2> rows{};
  CHECK_THROWS_MATCHES(table.insert_windows(Key{1}, rows), ArgumentError,
                       Message("2 windows of width 1 need 2 values, got 1"));
  CHECK(table.size() == 3);
  CHECK(table.insert(Key{20}) == 1);
  CHECK(table.find(Key{40}) == kNoRow);
}

}  // namespace infoplane::labels
