// Which axis of the activations counts the sequences: by sizes, by what was learnt, by the embedding, by option.
#include <torch/nn/module.h>

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <sstream>

#include "monitor/point_checks.hpp"
#include "monitor/small_gpt.hpp"

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::AxisOrder;
using infoplane::BatchDetails;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::SiteError;
using infoplane::plane::Point;
using infoplane::test::Block;
using infoplane::test::text;

namespace {

constexpr std::int64_t kVocabulary = 11;
constexpr std::int64_t kWidth = 16;

enum class Way { kTokens, kTokensCopied, kTranspose, kPermute };

/// Blocks that work on each token for itself, so that its axes may lie as they like.
struct ModelImpl : torch::nn::Module {
  ModelImpl()
      : embedding(register_module("embedding", torch::nn::Embedding(kVocabulary, kWidth))),
        blocks(register_module("blocks", torch::nn::ModuleList(Block(kWidth), Block(kWidth)))),
        norm(register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({kWidth})))) {
    eval();
  }

  /// Exchanges the axes of the tokens on `way`, if at all.
  at::Tensor forward(const at::Tensor& tokens, bool exchange, Way way, bool flat) {
    at::Tensor x;
    if (exchange && way == Way::kTokens) {
      x = embedding(tokens.t());
    } else if (exchange && way == Way::kTokensCopied) {
      x = embedding(tokens.t().contiguous());
    } else {
      x = embedding(tokens);
      if (exchange) {
        x = way == Way::kTranspose ? x.transpose(0, 1) : x.permute({1, 0, 2}).contiguous();
      }
    }
    if (flat) {
      x = x.reshape({-1, kWidth});
    }
    for (const auto& block : *blocks) {
      x = block->as<Block>()->forward(x);
    }
    return norm(x);
  }

  torch::nn::Embedding embedding{nullptr};
  torch::nn::ModuleList blocks{nullptr};
  torch::nn::LayerNorm norm{nullptr};
};
TORCH_MODULE(Model);

Point measure(Monitor& monitor, Model& model, const at::Tensor& tokens, bool exchange, Way way, bool flat,
              std::int64_t step = 1) {
  {
    const auto observation = monitor.observe(step, tokens);
    model->forward(tokens, exchange, way, flat);
  }
  return *monitor.end_step(step);
}

/// Tokens of which each row has four of its own, so that exchanged axes would show.
at::Tensor rows(std::int64_t sequences, std::int64_t length) {
  return (at::arange(sequences).view({-1, 1}) * 3 + at::arange(length).remainder(4)).remainder(kVocabulary);
}

constexpr const char* kComplexity = "I(X;Z)/input_unigram";

void require_close(const Point& got, const Point& expected) {
  REQUIRE(got.tokens == expected.tokens);
  for (const auto& [key, value] : expected.mean) {
    INFO(key);
    if (std::isnan(value)) {
      REQUIRE(std::isnan(got.mean.at(key)));
    } else {
      REQUIRE(got.mean.at(key) == Approx(value).epsilon(1e-4).margin(1e-5));
    }
  }
}

/// What a trainer hands over that has no operators to look at.
Point tapped(Monitor& monitor, const at::Tensor& tokens, const at::Tensor& stream, std::int64_t step,
             const BatchDetails& details = {}) {
  {
    const auto observation = monitor.observe(step, tokens, {}, details);
    infoplane::tap("blocks.0", stream);
    infoplane::tap("blocks.1", stream);
  }
  return *monitor.end_step(step);
}

/// The stream [B, T, d] of tokens [B, T], without an embedding's operator.
at::Tensor stream_of(const at::Tensor& tokens) {
  return (tokens.unsqueeze(2) * at::arange(1, 1 + kWidth)).to(at::kFloat).sin();
}

}  // namespace

TEST_CASE("tokens and activations of either layout, whether sizes tell or not", "[monitor][layout]") {
  const std::int64_t length = GENERATE(8, 6);  // as many sequences as positions, or more
  const bool tokens_time_first = GENERATE(false, true);
  const bool activations_time_first = GENERATE(false, true);
  const bool flat = GENERATE(false, true);
  const auto way = GENERATE(Way::kTokens, Way::kTokensCopied, Way::kTranspose, Way::kPermute);
  INFO("length " << length << ", tokens [T, B] " << tokens_time_first << ", activations [T, B] "
                 << activations_time_first << ", flat " << flat << ", way " << static_cast<int>(way));
  Model model;
  const auto tokens = rows(8, length);
  Monitor reference(model, MonitorOptions().every(1).activations(AxisOrder::kBatchFirst));
  const auto expected = measure(reference, model, tokens, false, way, false);
  Monitor monitor(model, MonitorOptions().every(1).time_major(tokens_time_first));
  const auto given = tokens_time_first ? tokens.t().contiguous() : tokens;
  const bool exchange = tokens_time_first != activations_time_first;
  const auto got = measure(monitor, model, given, exchange, way, flat);
  require_close(got, expected);
  REQUIRE(got.mean.at(kComplexity) > 0.1);
}

TEST_CASE("what one unambiguous micro-batch shows holds where sizes do not tell", "[monitor][layout]") {
  const bool time_first = GENERATE(false, true);
  const auto lay = [&](const at::Tensor& z) { return time_first ? z.transpose(0, 1).contiguous() : z; };
  const auto square = rows(8, 8);
  Monitor reference(MonitorOptions().every(1).activations(AxisOrder::kBatchFirst));
  const auto expected = tapped(reference, square, stream_of(square), 1);
  Monitor monitor(MonitorOptions().every(1));
  tapped(monitor, rows(8, 6), lay(stream_of(rows(8, 6))), 1);
  require_close(tapped(monitor, square, lay(stream_of(square)), 2), expected);
  SECTION("in the held-out stream") {
    const auto observation = monitor.observe_heldout(3, square);
    infoplane::tap("blocks.0", lay(stream_of(square)));
    infoplane::tap("blocks.1", lay(stream_of(square)));
    require_close(*monitor.end_heldout(3), expected);
  }
  SECTION("in a monitor that goes on from a saved state") {
    std::stringstream saved;
    monitor.save(saved);
    Monitor resumed(MonitorOptions().every(1));
    resumed.load(saved);
    require_close(tapped(resumed, square, lay(stream_of(square)), 3), expected);
  }
  SECTION("for activations without axes of their own") {
    const auto flat = lay(stream_of(square)).reshape({64, kWidth});
    require_close(tapped(monitor, square, flat, 3), expected);
  }
}

TEST_CASE("what nothing tells is an error that names the options", "[monitor][layout]") {
  const auto square = rows(8, 8);
  const auto stream = stream_of(square).transpose(0, 1).contiguous();
  Monitor monitor(MonitorOptions().every(1));
  REQUIRE_THROWS_MATCHES(
      tapped(monitor, square, stream, 1), SiteError,
      MessageMatches(ContainsSubstring("site \"blocks.0\" fired with shape [8, 8, 16], and the micro-batch has 8 "
                                       "sequences of as many tokens: nothing shows whether that is [B, T, d] or [T, B, "
                                       "d]") &&
                     ContainsSubstring("MonitorOptions().activations(AxisOrder::kBatchFirst)") &&
                     ContainsSubstring("MonitorOptions().time_major(true)")));
  Monitor reference(MonitorOptions().every(1).activations(AxisOrder::kBatchFirst));
  const auto expected = tapped(reference, square, stream_of(square), 1);
  SECTION("activations says it") {
    Monitor said(MonitorOptions().every(1).activations(AxisOrder::kTimeFirst));
    require_close(tapped(said, square, stream, 1), expected);
  }
  SECTION("time_major says it, with tokens of that layout") {
    Monitor said(MonitorOptions().every(1).time_major(true));
    require_close(tapped(said, square.t().contiguous(), stream, 1), expected);
  }
  SECTION("a micro-batch of other sizes first") {
    tapped(monitor, rows(8, 6), stream_of(rows(8, 6)).transpose(0, 1), 2);
    require_close(tapped(monitor, square, stream, 3), expected);
  }
  SECTION("rescan forgets what was learnt, as the model may be another") {
    Model model;
    Monitor watching(model, MonitorOptions().every(1));
    measure(watching, model, rows(8, 6), false, Way::kTokens, false);
    watching.rescan();
    const auto tokens = rows(8, 8);
    const auto observation = watching.observe(2, tokens);
    model->forward((tokens + 1).remainder(kVocabulary), false, Way::kTokens, false);  // looks up others
    REQUIRE_THROWS_AS(watching.end_step(2), SiteError);
  }
}

TEST_CASE("one token, one sequence or one position need no telling", "[monitor][layout]") {
  Monitor monitor(MonitorOptions().every(1));
  const auto one = rows(1, 1);
  REQUIRE(tapped(monitor, one, stream_of(one), 1).tokens == 1);
  for (const auto& tokens : {rows(1, 6), rows(6, 1)}) {
    Monitor fresh(MonitorOptions().every(1));
    REQUIRE(tapped(fresh, tokens, stream_of(tokens), 1).tokens == 6);
    REQUIRE(tapped(fresh, one, stream_of(one), 2).tokens == 1);
    REQUIRE(tapped(fresh, tokens, stream_of(tokens).view({6, kWidth}), 3).tokens == 6);
  }
}

TEST_CASE("a layout that changes, or is not the one that was said, is an error", "[monitor][layout]") {
  const auto tokens = rows(8, 6);
  const auto stream = stream_of(tokens);
  SECTION("learnt from sizes") {
    Monitor monitor(MonitorOptions().every(1));
    tapped(monitor, tokens, stream, 1);
    REQUIRE_THROWS_MATCHES(tapped(monitor, tokens, stream.transpose(0, 1), 2), SiteError,
                           MessageMatches(ContainsSubstring("site \"blocks.0\" has activations of [T, B, d], but those "
                                                            "before were [B, T, d]: a point cannot hold both. If the "
                                                            "model was changed, call Monitor::rescan()")));
  }
  SECTION("taken from time_major") {
    Monitor monitor(MonitorOptions().every(1).time_major(true));
    const auto square = rows(8, 8);
    tapped(monitor, square.t(), stream_of(square).transpose(0, 1), 1);
    REQUIRE_THROWS_MATCHES(
        tapped(monitor, tokens.t(), stream, 2), SiteError,
        MessageMatches(ContainsSubstring("was taken for [T, B, d] at sizes that do not tell, because of "
                                         "MonitorOptions::time_major: say what it is by MonitorOptions::activations")));
  }
  SECTION("said by option") {
    Monitor monitor(MonitorOptions().every(1).activations(AxisOrder::kTimeFirst));
    REQUIRE_THROWS_MATCHES(
        tapped(monitor, tokens, stream, 1), SiteError,
        MessageMatches(ContainsSubstring("fired with shape [8, 6, 16], which is [B, T, d] for 8 sequences of 6 tokens, "
                                         "but MonitorOptions::activations says [T, B, d]")));
    Model model;
    Monitor watching(model, MonitorOptions().every(1).activations(AxisOrder::kTimeFirst));
    const auto square = rows(8, 8);  // the embedding contradicts
    REQUIRE_THROWS_AS(measure(watching, model, square, false, Way::kTokens, false), SiteError);
  }
}

TEST_CASE("an embedding that is handed over before its axes are exchanged has its own", "[monitor][layout]") {
  const auto square = rows(8, 8);
  const auto stream = stream_of(square);
  Monitor monitor(MonitorOptions().every(1));
  Monitor reference(MonitorOptions().every(1).activations(AxisOrder::kBatchFirst));
  const auto forward = [&](Monitor& by, const at::Tensor& tokens, bool exchange, std::int64_t step) {
    const auto z = stream_of(tokens);
    const auto observation = by.observe(step, tokens);
    infoplane::tap("embedding", z);
    infoplane::tap("blocks.0", exchange ? z.transpose(0, 1) : z);
    return *by.end_step(step);
  };
  forward(monitor, rows(8, 6), true, 1);
  const auto got = forward(monitor, square, true, 2);
  const auto expected = forward(reference, square, false, 2);
  for (const char* site : {"embedding", "blocks.0"}) {
    REQUIRE(got.layer(site)->metrics.at(kComplexity) == Approx(expected.layer(site)->metrics.at(kComplexity)));
  }
}

TEST_CASE("what comes with tokens of [T, B] has their layout", "[monitor][layout]") {
  const auto square = rows(8, 8);
  auto mask = at::ones({8, 8}, at::kBool);
  mask.slice(0, 0, 3).slice(1, 5).fill_(false);
  const auto documents = at::arange(8).div(4, "floor").expand({8, 8});
  const auto language = at::arange(8).remainder(2).view({8, 1}).expand({8, 8});
  Monitor reference(MonitorOptions().every(1).activations(AxisOrder::kBatchFirst));
  const auto expected = tapped(reference, square, stream_of(square), 1,
                               BatchDetails().mask(mask).documents(documents).labels({{"language", language}}));
  Monitor monitor(MonitorOptions().every(1).time_major(true).activations(AxisOrder::kBatchFirst));
  const auto got = tapped(monitor, square.t(), stream_of(square), 1,
                          BatchDetails().mask(mask.t()).documents(documents.t()).labels({{"language", language.t()}}));
  REQUIRE(got.tokens == 64 - 9);
  require_close(got, expected);
}

TEST_CASE("positions of a rank are followed too", "[monitor][layout]") {
  Model model;
  const auto tokens = rows(6, 12);
  const auto details = BatchDetails().positions(at::arange(6, 12));
  Monitor reference(model, MonitorOptions().every(1).activations(AxisOrder::kBatchFirst));
  Monitor monitor(model, MonitorOptions().every(1));
  const auto mine = tokens.slice(1, 6);
  const auto observe = [&](Monitor& by, bool exchange) {
    const auto observation = by.observe(1, tokens, {}, details);
    model->forward(mine, exchange, Way::kTranspose, false);
    return *by.end_step(1);
  };
  const auto expected = observe(reference, false);
  const auto got = observe(monitor, true);
  require_close(got, expected);
}
