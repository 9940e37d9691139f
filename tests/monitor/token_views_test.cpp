#include "monitor/token_views.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::BatchDetails;
using infoplane::by_position;
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
  REQUIRE(by_position(z, 2, 3, false, "s").is_same(z));
  REQUIRE(at::equal(by_position(z, 3, 2, false, "s"), z.transpose(0, 1)));
  const auto flat = z.view({6, 4});
  REQUIRE(by_position(flat, 2, 3, false, "s").is_same(flat));
  REQUIRE(at::equal(by_position(flat, 3, 2, true, "s"), z.transpose(0, 1)));
  const auto square = at::arange(16).view({2, 2, 4});
  REQUIRE(by_position(square, 2, 2, false, "s").is_same(square));
  REQUIRE(at::equal(by_position(square, 2, 2, true, "s"), square.transpose(0, 1)));
  REQUIRE_THROWS_MATCHES(by_position(z, 5, 3, false, "blocks.1"), infoplane::SiteError,
                         MessageMatches(ContainsSubstring("site \"blocks.1\" fired with shape [2, 3, 4]") &&
                                        ContainsSubstring("5 sequences of 3 tokens")));
}
