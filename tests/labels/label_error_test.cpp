#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <cstdint>
#include <infoplane/core/error.hpp>
#include <new>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "labels/failing_allocation.hpp"
#include "labels/support.hpp"

namespace infoplane::labels {

using Catch::Matchers::Message;
using testing::keys_of;
using testing::OwnedBatch;
using testing::Values;

namespace {

const std::vector<std::string> kNames{"input_unigram", "input_bigram", "input_trigram", "output_unigram",
                                      "output_bigram", "class",        "language",      "fresh"};

LabelIndex used_index() {
  LabelIndex index(LabelOptions().input_orders({1, 2, 3}).output_orders({1, 2}));
  const OwnedBatch batch{.rows = 2, .tokens = {1, 2, 3, 4, 5, 6}};
  index.group(batch.batch(), {{"class", batch.view(batch.tokens)}});
  return index;
}

}  // namespace

TEST_CASE("options that cannot work are refused", "[labels]") {
  CHECK_THROWS_MATCHES(LabelIndex(LabelOptions().input_orders({1, 5})), ArgumentError,
                       Message("there is no input label of order 5; orders are 1 to 4"));
  CHECK_THROWS_MATCHES(LabelIndex(LabelOptions().output_orders({0})), ArgumentError,
                       Message("there is no output label of order 0; orders are 1 to 4"));
  CHECK_THROWS_MATCHES(LabelIndex(LabelOptions().output_orders({2, 1, 2})), ArgumentError,
                       Message("the label set \"output_bigram\" is asked for twice; give each order once"));
  CHECK_THROWS_AS(input_label_name(-1), ArgumentError);
  CHECK_THROWS_AS(output_label_name(5), ArgumentError);
}

TEST_CASE("a batch that cannot be labelled is refused and changes nothing", "[labels]") {
  auto index = used_index();
  const auto before = keys_of(index, kNames);
  const OwnedBatch batch{.rows = 2, .tokens = {7, 8, 9, 10, 11, 12}};
  const auto tokens = batch.view(batch.tokens);
  const IntegerView turned(batch.tokens.data(), 3, 2);
  const auto refuse = [&](const TokenBatch& bad, const std::vector<NamedLabels>& others, const std::string& message) {
    CHECK_THROWS_MATCHES(index.group(bad, others), ArgumentError, Message(message));
    CHECK(keys_of(index, kNames) == before);
  };

  refuse({tokens, turned}, {},
         "the targets are 3 x 2 (sequences x positions), the tokens 2 x 3; give one value for each token");
  refuse({tokens, {}, turned}, {},
         "the mask values are 3 x 2 (sequences x positions), the tokens 2 x 3; give one value for each token");
  refuse({tokens, {}, {}, turned}, {},
         "the document ids are 3 x 2 (sequences x positions), the tokens 2 x 3; give one value for each token");
  refuse({tokens}, {{"fresh", turned}},
         "the labels of \"fresh\" are 3 x 2 (sequences x positions), the tokens 2 x 3; give one value for each token");
  CHECK_THROWS_AS(index.group({tokens, turned}), ShapeError);
  CHECK_THROWS_AS(index.group({tokens}, {{"fresh", turned}}), ShapeError);

  refuse({tokens}, {{"fresh", tokens}, {"", tokens}}, "a label set has an empty name; give it one");
  refuse({tokens}, {{"fresh", tokens}, {"class", tokens}, {"fresh", tokens}},
         "the label set \"fresh\" is given twice in one micro-batch; give each set its own name");
  refuse({tokens}, {{"fresh", tokens}, {"input_bigram", tokens}},
         "the label set \"input_bigram\" has the name of an n-gram set; give it another name");
  refuse({tokens}, {{"output_quadgram", tokens}},
         "the label set \"output_quadgram\" has the name of an n-gram set; give it another name");

  const Values negative{7, 8, 9, 10, -3, 12};
  refuse({batch.view(negative)}, {{"fresh", tokens}},
         "token -3 at row 1, column 1 is negative; give token ids of 0 or above, and a mask that is 0 where there is "
         "padding");
  const Values ignored{7, 8, -100, 10, 11, 12};
  refuse({batch.view(ignored)}, {},
         "token -100 at row 0, column 2 is negative; give token ids of 0 or above, and a mask that is 0 where there is "
         "padding");
  refuse({tokens, batch.view(negative)}, {},
         "target -3 at row 1, column 1 is negative; give token ids of 0 or above, or -1 or -100 where there is no "
         "label");
}

TEST_CASE("an index that runs out of memory is as it was", "[labels]") {
  // Every allocation of group() fails once; the batch is large enough to make all tables grow.
  OwnedBatch batch{.rows = 4, .tokens = {}, .mask = Values(400, 1), .documents = Values(400, 3)};
  std::mt19937_64 random(2);
  for (int i = 0; i < 400; ++i) {
    batch.tokens.push_back(static_cast<std::int64_t>(random() % 300));
  }
  batch.targets = batch.tokens;
  const auto view = batch.batch();
  const std::vector<NamedLabels> others{{"class", view.tokens},
                                        {"a set whose name is too long to be kept in the string itself", view.tokens},
                                        {"fresh", view.tokens},
                                        {"language", view.tokens}};

  auto index = used_index();
  const auto before = keys_of(index, kNames);
  std::int64_t failures = 0;
  for (bool done = false; !done; ++failures) {
    testing::fail_allocation_after(failures);
    try {
      index.group(view, others);
      done = true;
    } catch (const std::bad_alloc&) {
    }
    testing::fail_no_allocation();
    if (!done) {
      REQUIRE(keys_of(index, kNames) == before);
    }
  }
  CHECK(failures > 50);

  // After all that the index does what one without a failure does.
  auto healthy = used_index();
  healthy.group(view, others);
  CHECK(keys_of(index, kNames) == keys_of(healthy, kNames));
  CHECK(keys_of(index, kNames) != before);
  CHECK(index.table("fresh") != nullptr);
}

TEST_CASE("an index moves and its groupings stay", "[labels]") {
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<LabelIndex>);
  auto index = used_index();
  const OwnedBatch batch{.tokens = {3, 1}};
  const auto grouping = index.group(batch.batch());
  auto moved = std::move(index);
  CHECK(moved.table("input_unigram") == grouping->sets[0].table);
  CHECK(moved.group(batch.batch())->sets[0].rows == std::vector<std::int32_t>{2, 0});
  moved = LabelIndex();
  CHECK(grouping->sets[0].table->key(grouping->sets[0].rows[1])[0] == 1);
}

}  // namespace infoplane::labels
