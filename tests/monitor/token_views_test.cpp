#include "monitor/token_views.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>

#include "monitor/axis_orders.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::AxisOrder;
using infoplane::BatchDetails;
using infoplane::by_position;
using infoplane::followed_tokens;
using infoplane::HostBatch;

TEST_CASE("tokens are viewed in place, whatever their layout", "[monitor]") {
  const auto tokens = at::arange(6).view({2, 3});
  const HostBatch rows(tokens, {}, {}, false);
  REQUIRE(rows.sequences() == 2);
  REQUIRE(rows.length() == 3);
  REQUIRE(rows.tokens().tokens.at(1, 2) == 5);
  const HostBatch columns(tokens, {}, {}, true);
  REQUIRE(columns.sequences() == 3);
  REQUIRE(columns.tokens().tokens.at(2, 1) == 5);
  const HostBatch strided(tokens.t(), {}, {}, false);
  REQUIRE(strided.tokens().tokens.at(2, 1) == 5);
  const HostBatch flat(at::arange(4).to(at::kInt), {}, {}, false);
  REQUIRE(flat.sequences() == 1);
  REQUIRE(flat.tokens().tokens.at(0, 3) == 3);
}

TEST_CASE("what is not a token tensor is refused", "[monitor]") {
  REQUIRE_THROWS_MATCHES(
      HostBatch(at::zeros({2, 3}), {}, {}, false), infoplane::ShapeError,
      MessageMatches(ContainsSubstring("tokens must be int32 or int64") && ContainsSubstring("Float")));
  REQUIRE_THROWS_MATCHES(HostBatch(at::zeros({2, 3, 4}, at::kLong), {}, {}, false), infoplane::ShapeError,
                         MessageMatches(ContainsSubstring("tokens must be [B, T] or [T], got [2, 3, 4]")));
  REQUIRE_THROWS_MATCHES(HostBatch({}, {}, {}, false), infoplane::ShapeError,
                         MessageMatches(ContainsSubstring("tokens must be a tensor")));
  const auto tokens = at::zeros({2, 3}, at::kLong);
  REQUIRE_THROWS_MATCHES(HostBatch(tokens, {}, BatchDetails().labels({{"language", at::zeros({2, 3})}}), false),
                         infoplane::ShapeError, MessageMatches(ContainsSubstring("language must be")));
}

TEST_CASE("activations are brought into the order of the tokens", "[monitor]") {
  const auto z = at::arange(24).view({2, 3, 4});
  REQUIRE(by_position(z, 2, 3, AxisOrder::kBatchFirst).is_same(z));
  REQUIRE(at::equal(by_position(z, 3, 2, AxisOrder::kTimeFirst), z.transpose(0, 1)));
  const auto flat = z.view({6, 4});
  REQUIRE(by_position(flat, 2, 3, AxisOrder::kBatchFirst).is_same(flat));
  REQUIRE(at::equal(by_position(flat, 3, 2, AxisOrder::kTimeFirst), z.transpose(0, 1)));
}

TEST_CASE("the tokens that a forward looks up are a matrix of the positions that it has", "[monitor]") {
  const auto tokens = at::arange(6).view({2, 3});
  REQUIRE(followed_tokens(tokens, {}, false).is_same(tokens));
  REQUIRE(at::equal(followed_tokens(tokens[0], {}, false), tokens.slice(0, 0, 1)));
  REQUIRE(at::equal(followed_tokens(tokens[0], {}, true), tokens.slice(0, 0, 1).t()));
  const auto some = BatchDetails().positions(at::tensor({0, 2}, at::kLong));
  REQUIRE(at::equal(followed_tokens(tokens, some, false), at::tensor({0, 2, 3, 5}, at::kLong).view({2, 2})));
  REQUIRE(at::equal(followed_tokens(tokens.t(), some, true), at::tensor({0, 3, 2, 5}, at::kLong).view({2, 2})));
}
