#include "monitor/target_checks.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/monitor/monitor.hpp>

#include "monitor/point_checks.hpp"
#include "monitor/small_gpt.hpp"
#include "monitor/token_views.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::Message;
using Catch::Matchers::MessageMatches;
using infoplane::ArgumentError;
using infoplane::BatchDetails;
using infoplane::HostBatch;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::test::SmallGPT;
using infoplane::test::text;

namespace {

void check(const at::Tensor& tokens, const at::Tensor& targets, const BatchDetails& details = {},
           bool time_major = false, bool may_repeat = false) {
  const HostBatch batch(tokens, targets, details, time_major);
  infoplane::check_targets(batch.tokens(), time_major, may_repeat);
}

/// [4, 13]: tokens are all but the last column, targets all but the first.
const at::Tensor& rows() {
  static const auto all = text(4, 13, 1);
  return all;
}
at::Tensor tokens() { return rows().slice(1, 0, 12); }
at::Tensor targets() { return rows().slice(1, 1); }

}  // namespace

TEST_CASE("targets that are the tokens are an error that says what to write", "[monitor][messages]") {
  REQUIRE_THROWS_MATCHES(
      check(tokens(), tokens().clone()), ArgumentError,
      Message("the targets are the tokens at all 48 positions that have one: targets are the tokens that follow. Leave "
              "them out, or give observe(step, tokens.slice(1, 0, -1), tokens.slice(1, 1)); if the model does learn to "
              "repeat its input, MonitorOptions().targets_repeat_tokens(true)"));
  REQUIRE_NOTHROW(check(tokens(), targets()));
  REQUIRE_NOTHROW(check(tokens(), tokens(), {}, false, /*may_repeat=*/true));
  REQUIRE_THROWS_AS(check(at::tensor({3, 4}).view({1, 2}), at::tensor({3, 4}).view({1, 2})), ArgumentError);

  // Prompts without targets, as of a model that shifts by itself.
  auto some = tokens().clone();
  some.slice(1, 0, 6).fill_(-100);
  REQUIRE_THROWS_MATCHES(check(tokens(), some), ArgumentError,
                         MessageMatches(ContainsSubstring("the tokens at all 24 positions")));
  // What padding holds does not matter.
  const auto mask = at::ones({4, 12}, at::kBool);
  mask.slice(1, 10).fill_(false);
  auto padded = tokens().clone();
  padded.slice(1, 10).fill_(0);
  REQUIRE_THROWS_MATCHES(check(tokens(), padded, BatchDetails().mask(mask)), ArgumentError,
                         MessageMatches(ContainsSubstring("the tokens at all 40 positions")));
}

TEST_CASE("targets that are the tokens for another reason pass", "[monitor][messages]") {
  REQUIRE_NOTHROW(check(at::full({4, 12}, 5), at::full({4, 12}, 5)));  // a text of one token follows itself
  // Masked tokens to be guessed, of which few were left as they are.
  auto few = at::full({4, 12}, -100);
  few.select(1, 3).copy_(tokens().select(1, 3));
  REQUIRE_NOTHROW(check(tokens(), few));
  // A row of one token has nothing that follows.
  REQUIRE_NOTHROW(check(text(6, 1), text(6, 1)));
  REQUIRE_NOTHROW(check(tokens(), at::full({4, 12}, -1)));
}

TEST_CASE("tokens and targets of the other layout are an error that names time_major", "[monitor][messages]") {
  REQUIRE_THROWS_MATCHES(
      check(tokens().t(), targets().t()), ArgumentError,
      Message("the targets follow the tokens along the first axis, not along that of time: tokens and targets seem to "
              "be [T, B]: say MonitorOptions().time_major(true)"));
  REQUIRE_NOTHROW(check(tokens().t(), targets().t(), {}, true));
  REQUIRE_THROWS_MATCHES(
      check(tokens(), targets(), {}, true), ArgumentError,
      Message("the targets follow the tokens along the second axis, not along that of time: tokens and targets seem to "
              "be [B, T]: leave MonitorOptions::time_major(true) out"));
}

TEST_CASE("targets alone with exchanged axes, where sizes do not tell", "[monitor][messages]") {
  const auto square = text(12, 13, 1);
  const auto ids = square.slice(1, 0, 12);
  const auto next = square.slice(1, 1);
  REQUIRE_NOTHROW(check(ids, next));
  REQUIRE_THROWS_MATCHES(check(ids, next.t()), ArgumentError,
                         Message("the targets are those of the tokens with exchanged axes: give targets.t()"));
}

TEST_CASE("a monitor refuses unshifted targets, and takes those of a copy task that is named", "[monitor][messages]") {
  SmallGPT model(11, 16, 1);
  Monitor monitor(model, MonitorOptions().every(1));
  REQUIRE_THROWS_AS(monitor.observe(1, tokens(), tokens()), ArgumentError);
  REQUIRE_THROWS_AS(monitor.observe_heldout(1, tokens(), tokens()), ArgumentError);
  Monitor copies(model, MonitorOptions().every(1).targets_repeat_tokens(true));
  const auto observation = copies.observe(1, tokens(), tokens());
  model->forward(tokens());
  const auto point = copies.end_step(1);
  const auto& metrics = point->layer("blocks.0")->metrics;
  REQUIRE(metrics.at("I(Y;Z)/output_unigram") == metrics.at("I(X;Z)/input_unigram"));  // the label is the token
}
