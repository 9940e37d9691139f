// Activations of some of the tokens, in an order of their own, as experts get them: a tap with positions.
#include <torch/utils.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cmath>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>

#include "monitor/small_gpt.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using Catch::Matchers::WithinRel;
using infoplane::BatchDetails;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::SiteError;
using infoplane::plane::Metrics;
using infoplane::plane::Point;

namespace {

constexpr std::int64_t kSequences = 12;
constexpr std::int64_t kLength = 10;
constexpr std::int64_t kTokens = kSequences * kLength;

at::Tensor tokens() {
  return (at::arange(kTokens) * 7 + at::arange(kTokens).square()).remainder(5).view({kSequences, kLength});
}

/// [B, T, 8], of which the token says something.
at::Tensor stream(const at::Tensor& ids, double shift = 0) {
  const auto noise = (at::arange(ids.numel() * 8) * 1.37 + shift).sin().view({ids.size(0), ids.size(1), 8});
  return (noise + (ids.unsqueeze(-1) + at::arange(8)).cos()).to(at::kFloat);
}

at::Tensor flat(const at::Tensor& x) { return x.reshape({-1, x.size(-1)}); }

/// An order of all tokens that mixes them.
at::Tensor shuffled() { return (at::arange(kTokens) * 77 + 5).remainder(kTokens); }

/// The point of two micro-batches in which `tap` hands something over.
template <typename Tap>
Point measure(const Tap& tap, const MonitorOptions& options = MonitorOptions(), const BatchDetails& details = {}) {
  Monitor monitor(MonitorOptions(options).every(2).window(2));
  for (std::int64_t step = 1; step <= 2; ++step) {
    const auto ids = options.time_major() ? tokens().t().contiguous() : tokens();
    const auto observation = monitor.observe(step, ids, at::Tensor(), details);
    tap(stream(tokens(), static_cast<double>(step)));
  }
  return *monitor.end_step(2);
}

/// All values, NaN alike.
void require_same(const Metrics& a, const Metrics& b) {
  REQUIRE(a.size() == b.size());
  for (const auto& [key, value] : a) {
    INFO(key << ": " << value << " and " << b.at(key));
    REQUIRE((value == b.at(key) || (std::isnan(value) && std::isnan(b.at(key)))));
  }
}

std::string error_of(const at::Tensor& x, const at::Tensor& positions) {
  Monitor monitor(MonitorOptions().every(1));
  {
    const auto observation = monitor.observe(1, tokens());
    infoplane::tap("moe.experts", x, positions);
  }
  try {
    monitor.end_step(1);
  } catch (const SiteError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("all tokens in another order are measured as they stand", "[monitor][routed]") {
  const auto whole = measure([](const at::Tensor& x) { infoplane::tap("moe.experts", x); });
  const auto order = shuffled();
  const auto routed =
      measure([&](const at::Tensor& x) { infoplane::tap("moe.experts", flat(x).index_select(0, order), order); });
  REQUIRE(routed.layers.size() == 1);
  REQUIRE(routed.layers.front().name == "moe.experts.0");
  REQUIRE(whole.layers.front().tokens == 2 * kTokens);
  require_same(routed.layers.front().metrics, whole.layers.front().metrics);

  const auto as_int = order.to(at::kInt);
  require_same(
      measure([&](const at::Tensor& x) { infoplane::tap("moe.experts", flat(x).index_select(0, order), as_int); })
          .layers.front()
          .metrics,
      whole.layers.front().metrics);
}

TEST_CASE("with tokens [T, B] positions count these as they were given", "[monitor][routed]") {
  const auto options = MonitorOptions().time_major(true);
  const auto whole = measure([](const at::Tensor& x) { infoplane::tap("moe.experts", x.transpose(0, 1)); }, options);
  const auto order = shuffled();
  const auto routed = measure(
      [&](const at::Tensor& x) {
        infoplane::tap("moe.experts", flat(x.transpose(0, 1)).index_select(0, order), order);
      },
      options);
  require_same(routed.layers.front().metrics, whole.layers.front().metrics);
}

TEST_CASE("some of the tokens have the labels that a mask of them gives", "[monitor][routed]") {
  const auto chosen = (at::arange(kTokens).square() * 3).remainder(7).lt(4);
  const auto order = chosen.nonzero().squeeze(1).flip(0);
  const auto classes = tokens().square().remainder(4);
  Monitor by_mask(MonitorOptions().every(1));
  Monitor by_position(MonitorOptions().every(1));
  const auto x = stream(tokens());
  const auto labels = BatchDetails().labels({{"class", classes}});
  {
    const auto observation = by_mask.observe(1, BatchDetails(labels).mask(chosen.view({kSequences, kLength})));
    infoplane::tap("moe.experts", x);
  }
  {
    const auto observation = by_position.observe(1, labels);
    infoplane::tap("moe.experts", flat(x).index_select(0, order), order);
  }
  const auto mask = *by_mask.end_step(1);
  const auto routed = *by_position.end_step(1);
  REQUIRE(routed.layers.front().tokens == order.numel());
  require_same(routed.layers.front().metrics, mask.layers.front().metrics);
  REQUIRE(std::isfinite(routed.layers.front().metrics.at("I(X;Z)/class/corrected")));
}

TEST_CASE("a token that comes to two experts counts twice", "[monitor][routed]") {
  const auto twice = at::cat({at::arange(kTokens), shuffled()});
  const auto some = at::cat({at::arange(kTokens), shuffled().slice(0, 0, 30)});
  const auto layer = [](const at::Tensor& order) {
    return measure([&](const at::Tensor& x) { infoplane::tap("moe.experts", flat(x).index_select(0, order), order); })
        .layers.front();
  };
  const auto once = layer(at::arange(kTokens));
  const auto doubled = layer(twice);
  REQUIRE(doubled.tokens == 2 * once.tokens);
  REQUIRE(doubled.rejected == 0);
  REQUIRE(doubled.sequences == once.sequences);
  REQUIRE_THAT(doubled.metrics.at("H(Z)"), WithinRel(once.metrics.at("H(Z)"), 1e-6));
  REQUIRE_THAT(doubled.metrics.at("I(X;Z)/input_unigram"), WithinRel(once.metrics.at("I(X;Z)/input_unigram"), 1e-6));
  const auto some_twice = layer(some);
  REQUIRE(some_twice.tokens == once.tokens + 2 * 30);
  REQUIRE(some_twice.rejected == 0);
}

TEST_CASE("experts beside the stream of a watched model, and one that gets nothing", "[monitor][routed]") {
  torch::manual_seed(3);
  infoplane::test::SmallGPT model(5, 8, 2);
  Monitor monitor(model, MonitorOptions().every(1));
  for (std::int64_t step = 1; step <= 3; ++step) {
    {
      const auto observation = monitor.observe(step, tokens());
      model->forward(tokens());
      const auto order = shuffled().slice(0, 0, 40);
      infoplane::tap("blocks.0.expert", flat(stream(tokens())).index_select(0, order), order);
      infoplane::tap("blocks.0.expert", at::empty({0, 8}), at::empty({0}, at::kLong));
    }
    const auto point = *monitor.end_step(step);
    REQUIRE(point.layer("blocks.1") != nullptr);
    REQUIRE(point.layer("blocks.0.expert.0")->tokens == 40);
    const auto entropy = [&](const char* name) { return point.layer(name)->metrics.at("H(Z)"); };
    REQUIRE_THAT(point.mean.at("H(Z)"), WithinRel((entropy("blocks.0") + entropy("blocks.1")) / 2, 1e-12));
  }
}

TEST_CASE("positions that do not fit are errors with their values", "[monitor][routed]") {
  const auto x = at::ones({4, 8});
  const auto positions = at::arange(4);
  REQUIRE_THAT(error_of(x, positions.view({2, 2})), ContainsSubstring("tap(\"moe.experts.0\") was given positions of 2 "
                                                                      "axes and type Long: give an int64 tensor [N]"));
  REQUIRE_THAT(error_of(x, positions.to(at::kFloat)), ContainsSubstring("of 1 axes and type Float"));
  REQUIRE_THAT(error_of(x, at::arange(5)), ContainsSubstring("was given 5 positions, but activations [4, 8]: give a "
                                                             "position for each row"));
  REQUIRE_THAT(error_of(x, positions + 117), ContainsSubstring("positions[3] is 120, but observe() was given 12 "
                                                               "sequences of 10 tokens"));
  REQUIRE_THAT(error_of(x, positions - 1), ContainsSubstring("positions[0] is -1"));
  Monitor monitor(MonitorOptions().every(1));
  {
    const auto observation = monitor.observe(1);
    infoplane::tap("moe.experts", x, positions);
  }
  REQUIRE_THROWS_MATCHES(monitor.end_step(1), SiteError,
                         MessageMatches(ContainsSubstring("but observe() neither tokens nor labels")));
}
