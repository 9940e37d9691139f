#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <random>
#include <vector>

#include "labels/naive_labels.hpp"
#include "labels/support.hpp"

namespace infoplane::labels {

using testing::NaiveIndex;
using testing::OwnedBatch;
using testing::Values;

namespace {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::int64_t below(std::int64_t n) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }

  std::vector<int> orders() {
    std::vector<int> orders;
    for (int order = 1; order <= 4; ++order) {
      if (chance(60)) {
        orders.push_back(order);
      }
    }
    std::shuffle(orders.begin(), orders.end(), random_);
    return orders;
  }

  OwnedBatch batch() {
    OwnedBatch batch;
    batch.rows = below(4);
    const auto columns = below(14);
    const auto size = batch.rows * columns;
    const auto vocabulary = 1 + below(4);
    batch.tokens = values(size, [&] { return below(vocabulary); });
    if (chance(60)) {
      batch.mask = mask(batch.rows, columns);
    }
    if (chance(50)) {
      std::int64_t document = -1;
      batch.documents = values(size, [&] {
        if (chance(25)) {
          document = below(3) - 1;  // ids may come back
        }
        return document;
      });
    }
    if (chance(60)) {
      const bool shifted = chance(50);
      Values targets;
      for (std::int64_t i = 0; i < size; ++i) {
        const auto next = shifted && i + 1 < size ? batch.tokens[static_cast<std::size_t>(i + 1)] : below(vocabulary);
        targets.push_back(chance(15) ? (chance(50) ? -1 : -100) : next);
      }
      batch.targets = targets;
    }
    if (batch.mask) {  // what is masked may hold anything
      for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
        if ((*batch.mask)[i] == 0) {
          batch.tokens[i] = below(9) - 4;
          if (batch.targets) {
            (*batch.targets)[i] = below(9) - 4;
          }
        }
      }
    }
    return batch;
  }

  Values named(const OwnedBatch& batch) {
    return values(static_cast<std::int64_t>(batch.tokens.size()),
                  [&] { return chance(30) ? (chance(50) ? -1 : -100) : below(6) - 3; });
  }

 private:
  template <typename Draw>
  static Values values(std::int64_t count, const Draw& draw) {
    Values drawn;
    for (std::int64_t i = 0; i < count; ++i) {
      drawn.push_back(draw());
    }
    return drawn;
  }

  /// Left padding, right padding, holes, or all of it.
  Values mask(std::int64_t rows, std::int64_t columns) {
    Values mask;
    for (std::int64_t row = 0; row < rows; ++row) {
      const auto left = chance(40) ? below(columns + 1) : 0;
      const auto right = chance(40) ? below(columns + 1) : 0;
      const auto holes = chance(40) ? 20 : 0;
      for (std::int64_t i = 0; i < columns; ++i) {
        mask.push_back(i < left || i >= columns - right || chance(holes) ? 0 : 1 + below(2));
      }
    }
    return mask;
  }

  std::mt19937_64 random_;
};

void check_set(const LabelAssignment& set, const NaiveIndex::Result& expected, NaiveIndex& naive) {
  INFO(set.name);
  REQUIRE(set.rows == expected.rows);
  REQUIRE(set.labelled == expected.labelled);
  REQUIRE(set.row_count == expected.row_count);
  REQUIRE(set.table->size() == expected.row_count);
  for (const auto& [key, row] : naive.keys(set.name)) {
    const auto own = set.table->key(row);
    REQUIRE(Values(own.begin(), own.end()) == key);
  }
}

/// The values of a view as another type in another order of memory.
template <typename T>
struct Transposed {
  std::vector<T> memory;
  std::int64_t rows, columns;

  Transposed(const OwnedBatch& batch, const Values& values) : rows(batch.rows), columns(batch.columns()) {
    for (std::int64_t column = 0; column < columns; ++column) {
      for (std::int64_t row = 0; row < rows; ++row) {
        memory.push_back(static_cast<T>(values[static_cast<std::size_t>(row * columns + column)]));
      }
    }
  }
  IntegerView view() const { return IntegerView(memory.data(), columns, rows).transposed(); }
};

}  // namespace

TEST_CASE("labels of random documents are those of the definition", "[labels]") {
  std::int64_t labels = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    Generator generator(seed);
    const auto inputs = generator.orders();
    const auto outputs = generator.orders();
    const bool common = generator.chance(30);
    LabelIndex index(LabelOptions().input_orders(inputs).output_orders(outputs).common_positions(common));
    int largest = 0;
    for (const auto order : inputs) largest = std::max(largest, order);
    for (const auto order : outputs) largest = std::max(largest, order);
    NaiveIndex naive(common ? largest : 0);
    for (int step = 0; step < 8; ++step) {
      CAPTURE(step);
      const auto batch = generator.batch();
      const auto values = generator.named(batch);
      const bool has_named = generator.chance(50);
      const auto grouping =
          index.group(batch.batch(),
                      has_named ? std::vector<NamedLabels>{{"class", batch.view(values)}} : std::vector<NamedLabels>{});
      REQUIRE(grouping->positions == static_cast<std::int64_t>(batch.tokens.size()));
      REQUIRE(grouping->sets.size() == inputs.size() + outputs.size() + (has_named ? 1 : 0));
      auto set = grouping->sets.begin();
      for (const auto order : inputs) {
        REQUIRE(set->name == input_label_name(order));
        check_set(*set++, naive.input(batch, order, input_label_name(order)), naive);
      }
      for (const auto order : outputs) {
        REQUIRE(set->name == output_label_name(order));
        check_set(*set++, naive.output(batch, order, output_label_name(order)), naive);
      }
      if (has_named) {
        check_set(*set++, naive.named(batch, values, "class"), naive);
      }
      for (const auto& made : grouping->sets) {
        labels += made.labelled;
      }
      for (std::size_t i = 0; i < batch.tokens.size(); ++i) {
        const auto row = static_cast<std::int64_t>(i) / batch.columns();
        const bool counted = grouping->counted.empty() || grouping->counted[i] != 0;
        REQUIRE(counted == naive.counts(batch, row, static_cast<std::int64_t>(i) % batch.columns()));
      }
    }
  }
  CHECK(labels > 50'000);
}

TEST_CASE("types and order in memory do not matter", "[labels]") {
  const auto options = LabelOptions().input_orders({1, 2, 3, 4}).output_orders({1, 2, 3, 4});
  LabelIndex plain(options);
  LabelIndex turned(options);
  Generator generator(1);
  for (int step = 0; step < 200; ++step) {
    const auto batch = generator.batch();
    const auto named = generator.named(batch);
    const Transposed<std::int32_t> tokens(batch, batch.tokens);
    const Transposed<std::int32_t> labels(batch, named);
    const Transposed<std::int32_t> targets(batch, batch.targets.value_or(batch.tokens));
    const Transposed<std::uint8_t> mask(batch, batch.mask.value_or(batch.tokens));
    const Transposed<std::int64_t> documents(batch, batch.documents.value_or(batch.tokens));
    TokenBatch other{tokens.view()};
    if (batch.targets) other.targets = targets.view();
    if (batch.mask) other.mask = mask.view();
    if (batch.documents) other.documents = documents.view();
    const auto first = plain.group(batch.batch(), {{"class", batch.view(named)}});
    const auto second = turned.group(other, {{"class", labels.view()}});
    REQUIRE(first->counted == second->counted);
    REQUIRE(first->sets.size() == second->sets.size());
    for (std::size_t i = 0; i < first->sets.size(); ++i) {
      REQUIRE(first->sets[i].rows == second->sets[i].rows);
    }
  }
}

TEST_CASE("equal streams give equal rows, also in larger pieces", "[labels]") {
  // Rows of a batch come in order, so one large batch is the same as its rows one after another.
  std::mt19937_64 random(9);
  OwnedBatch whole{.rows = 64, .tokens = {}};
  for (int i = 0; i < 64 * 50; ++i) {
    whole.tokens.push_back(static_cast<std::int64_t>(random() % 12));
  }
  const auto options = LabelOptions().input_orders({1, 2, 3, 4}).output_orders({1, 2, 3, 4});
  LabelIndex large(options);
  LabelIndex small(options);
  const auto grouping = large.group(whole.batch());
  for (std::int64_t row = 0; row < whole.rows; ++row) {
    const IntegerView tokens(whole.tokens.data() + row * 50, 1, 50);
    const auto piece = small.group({tokens});
    for (std::size_t set = 0; set < piece->sets.size(); ++set) {
      const auto begin = grouping->sets[set].rows.begin() + row * 50;
      REQUIRE(piece->sets[set].rows == std::vector<std::int32_t>(begin, begin + 50));
    }
  }
  CHECK(small.table("input_quadgram")->size() == large.table("input_quadgram")->size());
}

}  // namespace infoplane::labels
