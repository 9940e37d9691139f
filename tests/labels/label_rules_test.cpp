#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <string>
#include <vector>

#include "labels/support.hpp"

namespace infoplane::labels {

using testing::OwnedBatch;
using testing::set_of;
using testing::text_of;
using testing::Values;

namespace {

LabelOptions all_orders() { return LabelOptions().input_orders({1, 2, 3, 4}).output_orders({1, 2, 3, 4}); }

struct Expected {
  std::string set;
  std::string labels;  // see text_of
};

struct Case {
  std::string rule;
  OwnedBatch batch;
  std::vector<Expected> expected;
};

void check(const std::vector<Case>& cases, const LabelOptions& options) {
  for (const auto& [rule, batch, expected] : cases) {
    LabelIndex index(options);
    const auto grouping = index.group(batch.batch());
    for (const auto& [set, labels] : expected) {
      INFO(rule << ": " << set);
      CHECK(text_of(set_of(*grouping, set)) == labels);
    }
  }
}

}  // namespace

TEST_CASE("n-grams end at the position and start behind it", "[labels]") {
  check({{"one row",
          {.tokens = {1, 2, 3, 4, 5}},
          {{"input_unigram", "1 2 3 4 5"},
           {"input_bigram", "- 1.2 2.3 3.4 4.5"},
           {"input_trigram", "- - 1.2.3 2.3.4 3.4.5"},
           {"input_quadgram", "- - - 1.2.3.4 2.3.4.5"},
           {"output_unigram", "2 3 4 5 -"},
           {"output_bigram", "2.3 3.4 4.5 - -"},
           {"output_trigram", "2.3.4 3.4.5 - - -"},
           {"output_quadgram", "2.3.4.5 - - - -"}}},
         {"two rows do not touch",
          {.rows = 2, .tokens = {1, 2, 3, 4, 5, 6}},
          {{"input_bigram", "- 1.2 2.3 - 4.5 5.6"},
           {"output_unigram", "2 3 - 5 6 -"},
           {"output_bigram", "2.3 - - 5.6 - -"}}},
         {"a row of one token",
          {.tokens = {9}},
          {{"input_unigram", "9"}, {"input_bigram", "-"}, {"output_unigram", "-"}, {"output_quadgram", "-"}}},
         {"rows of one token",
          {.rows = 3, .tokens = {9, 8, 9}},
          {{"input_unigram", "9 8 9"}, {"input_bigram", "- - -"}, {"output_unigram", "- - -"}}}},
        all_orders());
}

TEST_CASE("labels stay inside their document", "[labels]") {
  check({{"two documents",
          {.tokens = {1, 2, 3, 4, 5, 6}, .documents = Values{0, 0, 0, 1, 1, 1}},
          {{"input_bigram", "- 1.2 2.3 - 4.5 5.6"},
           {"input_trigram", "- - 1.2.3 - - 4.5.6"},
           {"output_unigram", "2 3 - 5 6 -"},
           {"output_bigram", "2.3 - - 5.6 - -"}}},
         {"an id that comes back is another stretch; any integer is an id",
          {.tokens = {1, 2, 3, 4, 5}, .documents = Values{-1, -1, 7, -1, -1}},
          {{"input_bigram", "- 1.2 - - 4.5"}, {"output_unigram", "2 - - 5 -"}}},
         {"targets do not reach over",
          {.tokens = {1, 2, 3, 4}, .targets = Values{2, 3, 4, 5}, .documents = Values{0, 0, 1, 1}},
          {{"output_unigram", "2 - 4 5"}, {"output_bigram", "- - 4.5 -"}}}},
        all_orders());
}

TEST_CASE("labels stay clear of what the mask leaves out", "[labels]") {
  check({{"right padding",
          {.tokens = {1, 2, 3, 0, 0}, .mask = Values{1, 1, 1, 0, 0}},
          {{"input_unigram", "1 2 3 - -"},
           {"input_bigram", "- 1.2 2.3 - -"},
           {"output_unigram", "2 3 - - -"},
           {"output_bigram", "2.3 - - - -"}}},
         {"left padding",
          {.tokens = {0, 0, 1, 2, 3}, .mask = Values{0, 0, 1, 1, 1}},
          {{"input_unigram", "- - 1 2 3"},
           {"input_bigram", "- - - 1.2 2.3"},
           {"output_unigram", "- - 2 3 -"},
           {"output_bigram", "- - 2.3 - -"}}},
         {"a hole",
          {.tokens = {1, 2, 3, 4, 5}, .mask = Values{1, 1, 0, 1, 1}},
          {{"input_unigram", "1 2 - 4 5"}, {"input_bigram", "- 1.2 - - 4.5"}, {"output_unigram", "2 - - 5 -"}}},
         {"padding may hold anything, and any value but 0 counts",
          {.tokens = {-100, 1, 2, -7}, .targets = Values{-9, 2, 3, -9}, .mask = Values{0, 5, -1, 0}},
          {{"input_unigram", "- 1 2 -"}, {"input_bigram", "- - 1.2 -"}, {"output_unigram", "- 2 - -"}}},
         {"nothing counts",
          {.tokens = {1, 2}, .mask = Values{0, 0}},
          {{"input_unigram", "- -"}, {"output_unigram", "- -"}}}},
        all_orders());
}

TEST_CASE("targets are the tokens that follow", "[labels]") {
  check({{"the last position has a label too",
          {.tokens = {1, 2, 3}, .targets = Values{2, 3, 4}},
          {{"output_unigram", "2 3 4"}, {"output_bigram", "2.3 3.4 -"}, {"output_trigram", "2.3.4 - -"}}},
         {"targets win over tokens, which stay the input",
          {.tokens = {1, 2, 3}, .targets = Values{7, 8, 9}},
          {{"output_unigram", "7 8 9"}, {"output_bigram", "7.8 8.9 -"}, {"input_bigram", "- 1.2 2.3"}}},
         {"-1 and -100 are no label, nor part of one",
          {.tokens = {1, 2, 3, 4, 5, 6}, .targets = Values{2, -1, 4, 5, -100, 7}},
          {{"output_unigram", "2 - 4 5 - 7"}, {"output_bigram", "- - 4.5 - - -"}, {"input_unigram", "1 2 3 4 5 6"}}},
         {"left padding keeps the last target, right padding ends before",
          {.rows = 2,
           .tokens = {0, 1, 2, 1, 2, 0},
           .targets = Values{1, 2, 3, 2, 3, 0},
           .mask = Values{0, 1, 1, 1, 1, 0}},
          {{"output_unigram", "- 2 3 2 - -"}, {"output_bigram", "- 2.3 - - - -"}}}},
        all_orders());
}

TEST_CASE("common positions are the same for every set", "[labels]") {
  const auto options = LabelOptions().input_orders({1, 2}).output_orders({1, 3}).common_positions(true);
  check({{"positions 2 to 3 of 7",
          {.tokens = {1, 2, 3, 4, 5, 6, 7}},
          {{"input_unigram", "- - 3 4 - - -"},
           {"input_bigram", "- - 2.3 3.4 - - -"},
           {"output_unigram", "- - 4 5 - - -"},
           {"output_trigram", "- - 4.5.6 5.6.7 - - -"}}},
         {"a document of its own; one too short; targets add nothing",
          {.tokens = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
           .targets = Values{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
           .documents = Values{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1}},
          {{"input_unigram", "- - 3 - - - - - - - -"}, {"output_trigram", "- - 4.5.6 - - - - - - - -"}}},
         {"a missing target only takes the sets that need it",
          {.tokens = {1, 2, 3, 4, 5, 6, 7}, .targets = Values{2, 3, 4, 5, -1, 7, 8}},
          {{"input_unigram", "- - 3 4 - - -"},
           {"output_unigram", "- - 4 5 - - -"},
           {"output_trigram", "- - - - - - -"}}}},
        options);
  LabelIndex index(options);
  const OwnedBatch batch{.tokens = {1, 2, 3, 4, 5, 6, 7}};
  const Values classes{0, 1, 2, 3, 4, 5, 6};
  const auto grouping = index.group(batch.batch(), {{"class", batch.view(classes)}});
  CHECK(text_of(set_of(*grouping, "class")) == "- - 2 3 - - -");
  CHECK(grouping->counted == std::vector<std::uint8_t>{0, 0, 1, 1, 0, 0, 0});
}

TEST_CASE("common positions without n-grams are all positions", "[labels]") {
  LabelIndex index(LabelOptions().input_orders({}).output_orders({}).common_positions(true));
  const OwnedBatch batch{.tokens = {1, 2}};
  const auto grouping = index.group(batch.batch(), {{"class", batch.view(batch.tokens)}});
  REQUIRE(grouping->sets.size() == 1);
  CHECK(text_of(grouping->sets[0]) == "1 2");
  CHECK(grouping->counted.empty());
}

TEST_CASE("same positions: both sides of an order have labels where both have one", "[labels]") {
  const auto options = LabelOptions().input_orders({1, 2}).output_orders({1, 3}).same_positions(true);
  check({{"few targets, as of a masked language model",
          {.tokens = {1, 2, 3, 4, 5}, .targets = Values{2, -1, 4, -100, 6}},
          {{"input_unigram", "1 - 3 - 5"},
           {"output_unigram", "2 - 4 - 6"},
           {"input_bigram", "- 1.2 2.3 3.4 4.5"},
           {"output_trigram", "- - - - -"}}},
         {"the last position of a row has no next token",
          {.tokens = {1, 2, 3}},
          {{"input_unigram", "1 2 -"}, {"output_unigram", "2 3 -"}}}},
        options);
  LabelIndex index(options);
  const OwnedBatch batch{.tokens = {1, 2, 3, 4, 5}, .targets = Values{2, -1, 4, -100, 6}};
  const auto grouping = index.group(batch.batch());
  CHECK(set_of(*grouping, "input_unigram").labelled == 3);
  CHECK(set_of(*grouping, "output_unigram").labelled == 3);
  CHECK(set_of(*grouping, "input_bigram").labelled == 4);
}

TEST_CASE("a grouping counts positions, labels and rows", "[labels]") {
  LabelIndex index(LabelOptions().input_orders({2, 1}).output_orders({1}));
  const OwnedBatch batch{.rows = 2, .tokens = {4, 5, 4, 5, 4, 0}, .mask = Values{1, 1, 1, 1, 1, 0}};
  const auto grouping = index.group(batch.batch());
  CHECK(grouping->positions == 6);
  CHECK(grouping->counted == std::vector<std::uint8_t>{1, 1, 1, 1, 1, 0});
  REQUIRE(grouping->sets.size() == 3);
  const auto& bigram = grouping->sets[0];
  CHECK(bigram.name == "input_bigram");
  CHECK(bigram.rows == std::vector<std::int32_t>{kNoRow, 0, 1, kNoRow, 1, kNoRow});
  CHECK(bigram.row_count == 2);
  CHECK(bigram.labelled == 3);
  CHECK(grouping->sets[1].name == "input_unigram");
  CHECK(grouping->sets[2].name == "output_unigram");

  // Rows go on in the next batch; what the first grouping said stays true.
  const auto next = index.group(OwnedBatch{.tokens = {5, 9, 4, 5}}.batch());
  CHECK(next->sets[0].rows == std::vector<std::int32_t>{kNoRow, 2, 3, 0});
  CHECK(next->sets[0].row_count == 4);
  CHECK(next->counted.empty());
  CHECK(bigram.row_count == 2);
  CHECK(bigram.table == next->sets[0].table);
  CHECK(bigram.table == index.table("input_bigram"));
  CHECK(index.memory_bytes() > 0);
}

TEST_CASE("an empty micro-batch has sets without labels", "[labels]") {
  LabelIndex index;
  for (const auto& shape : {std::pair<int, int>{0, 0}, {0, 5}, {3, 0}}) {
    const IntegerView none(static_cast<const std::int64_t*>(nullptr), shape.first, shape.second);
    const auto grouping = index.group({none, none, none, none}, {{"class", none}});
    CHECK(grouping->positions == 0);
    CHECK(grouping->counted.empty());
    REQUIRE(grouping->sets.size() == 5);
    for (const auto& set : grouping->sets) {
      CHECK(set.rows.empty());
      CHECK(set.row_count == 0);
    }
  }
}

TEST_CASE("named labels are any integers but -1 and -100", "[labels]") {
  constexpr auto kLowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHighest = std::numeric_limits<std::int64_t>::max();
  LabelIndex index(LabelOptions().input_orders({}).output_orders({}));
  const OwnedBatch batch{.tokens = {1, 2, 3, 4, 5, 6, 7, 8},
                         .mask = Values{1, 1, 1, 1, 1, 1, 0, 1},
                         .documents = Values{0, 1, 2, 3, 4, 5, 6, 7}};
  const Values labels{kLowest, -1, kHighest, -100, -2, 0, 5, kLowest};
  const auto grouping = index.group(batch.batch(), {{"class", batch.view(labels)}});
  const auto& set = set_of(*grouping, "class");
  CHECK(set.rows == std::vector<std::int32_t>{0, kNoRow, 1, kNoRow, 2, 3, kNoRow, 0});
  CHECK(set.labelled == 5);
  CHECK(set.table->key(0)[0] == kLowest);
  CHECK(set.table->key(1)[0] == kHighest);
}

TEST_CASE("a named set may stay away and come back", "[labels]") {
  LabelIndex index;
  const OwnedBatch batch{.tokens = {1, 2}};
  const Values first{30, 20};
  const Values second{20, 10};
  CHECK(index.table("class") == nullptr);
  index.group(batch.batch(), {{"class", batch.view(first)}, {"language", batch.view(first)}});
  CHECK(index.group(batch.batch())->sets.size() == 4);
  const auto other = index.group(batch.batch(), {{"language", batch.view(second)}});
  CHECK(other->sets.back().name == "language");
  CHECK(other->sets.back().rows == std::vector<std::int32_t>{1, 2});
  const auto back = index.group(batch.batch(), {{"language", batch.view(first)}, {"class", batch.view(second)}});
  REQUIRE(back->sets.size() == 6);
  CHECK(back->sets[4].name == "language");
  CHECK(back->sets[4].row_count == 3);
  CHECK(back->sets[5].rows == std::vector<std::int32_t>{1, 2});
  CHECK(index.table("class")->size() == 3);
}

TEST_CASE("a label of a whole sequence is a view with a column stride of 0", "[labels]") {
  LabelIndex index;
  const OwnedBatch batch{.rows = 2, .tokens = {1, 2, 3, 4, 5, 6}, .mask = Values{1, 1, 0, 1, 1, 1}};
  const std::vector<std::int32_t> preferred{1, 0};
  const IntegerView labels(preferred.data(), IntegerView::Type::kInt32, 2, 3, 1, 0);
  const auto grouping = index.group(batch.batch(), {{"preference", labels}});
  CHECK(text_of(set_of(*grouping, "preference")) == "1 1 - 0 0 0");
}

TEST_CASE("quadgrams never collide at 256 000 tokens", "[labels]") {
  // With V = 2^18 the base-V codes of (a, 1, 2, 3) and (a + 1024, 1, 2, 3) are equal modulo 2^64.
  LabelIndex index(LabelOptions().input_orders({4}).output_orders({4}));
  OwnedBatch batch{.rows = 240, .tokens = {}};
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    batch.tokens.insert(batch.tokens.end(), {255'999, 7 + row * 1024, 1, 2, 3});
  }
  const auto grouping = index.group(batch.batch());
  CHECK(grouping->sets[0].row_count == 480);
  CHECK(grouping->sets[1].row_count == 240);
}

TEST_CASE("names of n-gram sets", "[labels]") {
  CHECK(input_label_name(1) == "input_unigram");
  CHECK(input_label_name(2) == "input_bigram");
  CHECK(output_label_name(3) == "output_trigram");
  CHECK(output_label_name(4) == "output_quadgram");
}

}  // namespace infoplane::labels
