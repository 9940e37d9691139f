// What a micro-batch may be made of, and what the error says where it may not.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <limits>

#include "monitor/token_views.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::ArgumentError;
using infoplane::BatchDetails;
using infoplane::HostBatch;
using infoplane::ShapeError;

namespace {

const at::Tensor& tokens() {
  static const auto ids = at::arange(6).view({2, 3});
  return ids;
}

void refuse(const at::Tensor& given, const std::string& message) {
  REQUIRE_THROWS_MATCHES(HostBatch(given, {}, {}, false), ShapeError, Message(message));
}

void refuse(const BatchDetails& details, const std::string& message) {
  REQUIRE_THROWS_MATCHES(HostBatch(tokens(), {}, details, false), ArgumentError, Message(message));
}

at::Tensor floats(const std::vector<float>& values) { return at::tensor(values).view({2, 3}); }

}  // namespace

TEST_CASE("tokens of another dtype: the advice fits the values", "[monitor][messages]") {
  refuse(floats({0, 5, 3, 1, 2, 2}),
         "tokens must be int32 or int64, got Float: all of them whole: give tokens.to(torch::kLong)");
  const std::string continuous =
      "and not whole: a continuous input has no ids. Give observe() integers of your own instead, one for each "
      "position, such as codes, bins or classes; the forward gets its input as before";
  refuse(floats({0.5, 5, 3, 1, 2, 2}), "tokens must be int32 or int64, got Float: " + continuous);
  refuse(floats({-1, 5, 3, 1, 2, 2}), "tokens must be int32 or int64, got Float: " + continuous);
  refuse(floats({std::numeric_limits<float>::quiet_NaN(), 5, 3, 1, 2, 2}).to(at::kHalf),
         "tokens must be int32 or int64, got Half: " + continuous);
  refuse(tokens().to(at::kBool),
         "tokens must be int32 or int64, got Bool: a mask is given by BatchDetails().mask(…); if these are ids, give "
         "tokens.to(torch::kLong)");
  refuse(tokens().to(at::kShort), "tokens must be int32 or int64, got Short: give it as .to(torch::kLong)");
  refuse(tokens().to(at::kChar), "tokens must be int32 or int64, got Char: give it as .to(torch::kLong)");
  refuse(tokens().to(at::kComplexFloat), "tokens must be int32 or int64, got ComplexFloat: these are no integers");
  // Bytes are a vocabulary.
  REQUIRE(HostBatch(tokens().to(at::kByte), {}, {}, false).tokens().tokens.at(1, 2) == 5);
}

TEST_CASE("an additive mask is refused by name, whatever says -inf in it", "[monitor][messages]") {
  const float minus_infinity = -std::numeric_limits<float>::infinity();
  const std::string additive =
      "mask must be bool or uint8 (or int32, int64), got Float: it is additive, 0 where a position counts and −∞ at "
      "padding: give mask == 0";
  for (const float padding : {minus_infinity, -1e9F, -1e4F, std::numeric_limits<float>::lowest()}) {
    const auto mask = floats({0, 0, padding, 0, padding, padding});
    refuse(BatchDetails().mask(mask), additive);
    const HostBatch followed(tokens(), {}, BatchDetails().mask(mask == 0), false);
    REQUIRE(followed.tokens().mask->dense() == std::vector<std::int64_t>{1, 1, 0, 1, 0, 0});
  }
  const auto ones = floats({1, 1, 0, 1, 0, 0});
  refuse(BatchDetails().mask(ones),
         "mask must be bool or uint8 (or int32, int64), got Float: it is 1 where a position counts: give "
         "mask.to(torch::kBool)");
  const HostBatch followed(tokens(), {}, BatchDetails().mask(ones.to(at::kBool)), false);
  REQUIRE(followed.tokens().mask->dense() == std::vector<std::int64_t>{1, 1, 0, 1, 0, 0});
  refuse(BatchDetails().mask(floats({0, 0, 0, 0, 0, 0})),
         "mask must be bool or uint8 (or int32, int64), got Float: it is 0 everywhere: give mask == 0 if it is "
         "additive, mask.to(torch::kBool) if it marks what counts");
  refuse(BatchDetails().mask(floats({0, 0.5, 0, 0, 0, 0})),
         "mask must be bool or uint8 (or int32, int64), got Float: give one that is true where a position counts");
  refuse(BatchDetails().mask(at::tensor({0, 0, -10000, 0, 0, -10000}).view({2, 3})),
         "mask has -10000 at row 0, column 2: it is non-zero where a position counts. Of an additive mask (0 where it "
         "counts) give mask == 0");
  refuse(BatchDetails().mask(at::ones({2, 1, 1, 3}, at::kBool)),
         "mask must be [B, T] or [T], got [2, 1, 1, 3]: a mask of pairs of positions, as attention takes it, is "
         "another");
}

TEST_CASE("masks of bool, uint8, int32 and int64 are the same", "[monitor][messages]") {
  for (const auto dtype : {at::kBool, at::kByte, at::kInt, at::kLong}) {
    const auto mask = floats({1, 1, 0, 1, 0, 0}).to(dtype);
    const HostBatch batch(tokens(), {}, BatchDetails().mask(mask), false);
    REQUIRE(batch.tokens().mask->dense() == std::vector<std::int64_t>{1, 1, 0, 1, 0, 0});
  }
}

TEST_CASE("what comes with the tokens has their shape, or the error says how to give it", "[monitor][messages]") {
  refuse(BatchDetails().documents(at::arange(6)),
         "documents are [6], the tokens [2, 3]: give them in the shape of the tokens, by .view_as(tokens)");
  refuse(BatchDetails().documents(at::zeros({3, 2}, at::kLong)),
         "documents are [3, 2], the tokens [2, 3]: their axes are exchanged: give them as .t()");
  refuse(BatchDetails().documents(at::arange(2)),
         "documents are [2], the tokens [2, 3]: for one value a sequence give .view({-1, 1}).expand_as(tokens)");
  refuse(BatchDetails().labels({{"language", at::arange(4)}}),
         "language are [4], the tokens [2, 3]: give one value for each token");
  for (const auto& language : {at::arange(2).view({-1, 1}).expand_as(tokens()), at::arange(2)}) {
    const HostBatch batch(tokens(), {}, BatchDetails().labels({{"language", language}}), false);
    REQUIRE(batch.others(3).front().values.dense() == std::vector<std::int64_t>{0, 0, 0, 1, 1, 1});
  }
  refuse(BatchDetails().mask(at::ones({2, 4}, at::kBool)),
         "mask are [2, 4], the tokens [2, 3]: give one value for each token");
  REQUIRE_THROWS_MATCHES(
      HostBatch(tokens().t(), {}, BatchDetails().documents(at::arange(2)), true), ShapeError,
      Message("documents are [2], the tokens [3, 2]: for one value a sequence give .view({1, -1}).expand_as(tokens)"));
  const HostBatch time_major(tokens().t(), {}, BatchDetails().labels({{"language", at::arange(2)}}), true);
  REQUIRE(time_major.others(3).front().values.dense() == std::vector<std::int64_t>{0, 0, 0, 1, 1, 1});
  REQUIRE_THROWS_MATCHES(HostBatch(tokens(), at::arange(2), {}, false), ShapeError,
                         Message("targets are [2], the tokens [2, 3]: a label for each row is no target: give it by "
                                 "BatchDetails().outputs({{\"class\", y}}), and no targets"));
}

TEST_CASE("targets, documents, labels and positions of another dtype", "[monitor][messages]") {
  REQUIRE_THROWS_MATCHES(HostBatch(tokens(), floats({0.5, 1, 1, 1, 1, 1}), {}, false), ShapeError,
                         Message("targets must be int32 or int64, got Float: and not whole: continuous targets have "
                                 "no ids. Leave them out, and give bins of them as BatchDetails::labels"));
  REQUIRE_THROWS_MATCHES(HostBatch(tokens(), tokens().to(at::kBool), {}, false), ShapeError,
                         MessageMatches(ContainsSubstring("targets must be int32 or int64, got Bool")));
  refuse(BatchDetails().documents(tokens().to(at::kBool)),
         "documents must be int32 or int64, got Bool: if these are ids, give them as .to(torch::kLong)");
  refuse(BatchDetails().labels({{"length", floats({0.5, 1, 1, 1, 1, 1})}}),
         "length must be integers, got Float: and not whole: give the numbers of bins, as equal_count_bins makes them");
  refuse(BatchDetails().positions(at::ones({3}, at::kBool)),
         "positions must be int64, got Bool: give the numbers of the positions: positions.nonzero().flatten()");
  REQUIRE_NOTHROW(HostBatch(tokens(), {}, BatchDetails().labels({{"even", tokens().remainder(2) == 0}}), false));
}
