// More than one stack of blocks, and one row of tokens.
#include <torch/nn/module.h>
#include <torch/nn/modules/transformer.h>
#include <torch/nn/modules/transformercoder.h>
#include <torch/nn/modules/transformerlayer.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <infoplane/core/error.hpp>
#include <infoplane/estimator/accumulator.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>
#include <infoplane/plane/coordinates.hpp>
#include <sstream>

#include "monitor/point_checks.hpp"
#include "monitor/small_gpt.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using infoplane::BatchDetails;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::SiteError;
using infoplane::test::Block;
using infoplane::test::require_tokens;
using infoplane::test::text;

namespace {

namespace nn = torch::nn;

constexpr std::int64_t kVocabulary = 11;
constexpr std::int64_t kWidth = 16;

/// An encoder and a decoder; tokens [T, B].
struct TranslatorImpl : nn::Module {
  TranslatorImpl()
      : source(register_module("source", nn::Embedding(kVocabulary, kWidth))),
        target(register_module("target", nn::Embedding(kVocabulary, kWidth))),
        transformer(register_module(
            "transformer", nn::Transformer(nn::TransformerOptions(kWidth, 2, 2, 2).dim_feedforward(16).dropout(0.0)))),
        head(register_module("head", nn::Linear(kWidth, kVocabulary))) {
    eval();
  }
  at::Tensor forward(const at::Tensor& from, const at::Tensor& to) {
    return head(transformer(source(from), target(to)));
  }
  /// Output of the encoder's first layer, [T, B, d].
  at::Tensor encoded(const at::Tensor& from) {
    auto* encoder = transformer->encoder.get<nn::TransformerEncoder>().get();
    return (*encoder->layers)[0]->as<nn::TransformerEncoderLayer>()->forward(source(from));
  }
  nn::Embedding source{nullptr}, target{nullptr};
  nn::Transformer transformer{nullptr};
  nn::Linear head{nullptr};
};
TORCH_MODULE(Translator);

/// Blocks in two lists, one after another.
struct TwoListsImpl : nn::Module {
  TwoListsImpl()
      : embedding(register_module("embedding", nn::Embedding(kVocabulary, kWidth))),
        prelude(register_module("prelude", nn::ModuleList(Block(kWidth), Block(kWidth)))),
        core(register_module("core", nn::ModuleList(Block(kWidth), Block(kWidth)))),
        norm(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({kWidth})))) {
    eval();
  }
  at::Tensor forward(const at::Tensor& tokens) {
    auto x = embedding(tokens);
    for (const auto& list : {prelude, core}) {
      for (const auto& block : *list) {
        x = block->as<Block>()->forward(x);
      }
    }
    return norm(x);
  }
  nn::Embedding embedding{nullptr};
  nn::ModuleList prelude{nullptr}, core{nullptr};
  nn::LayerNorm norm{nullptr};
};
TORCH_MODULE(TwoLists);

/// The last block of the first list is read nowhere but where the second begins.
MonitorOptions two_lists() { return MonitorOptions().every(1).sites({"embedding", "prelude.0", "core.0", "core.1"}); }

MonitorOptions every_step() { return MonitorOptions().every(1).time_major(true); }

const std::string kAdvice =
    "BatchDetails().tokens({{\"transformer.encoder.layers.*\", tokens of it}, "
    "{\"transformer.decoder.layers.*\", tokens of it}})";

}  // namespace

TEST_CASE("an encoder is not measured against the decoder's tokens, though they are as many", "[monitor][stacks]") {
  Translator model;
  const auto from = text(4, 6, 1).t().contiguous();
  const auto to = text(4, 6, 2).t().contiguous();
  Monitor monitor(model, every_step());
  for (const auto& tokens : {to, from}) {
    const auto observation = monitor.observe(1, tokens);
    model->forward(from, to);
    REQUIRE_THROWS_MATCHES(monitor.end_step(1), SiteError,
                           MessageMatches(ContainsSubstring("2 stacks of blocks (transformer.encoder.layers, "
                                                            "transformer.decoder.layers)") &&
                                          ContainsSubstring(kAdvice)));
  }

  // A monitor of each.
  Monitor encoder(model, every_step().sites("transformer.encoder.layers.*"));
  Monitor decoder(model, every_step().sites("transformer.decoder.layers.*"));
  {
    const auto a = encoder.observe(1, from);
    const auto b = decoder.observe(1, to);
    model->forward(from, to);
  }
  const auto encoded = encoder.end_step(1);
  const auto decoded = decoder.end_step(1);
  require_tokens(*encoded, 24);
  require_tokens(*decoded, 24);
  REQUIRE(decoded->layer("transformer.decoder.layers.0") != nullptr);
  REQUIRE(decoded->layer("transformer.encoder.layers.0") == nullptr);

  infoplane::labels::LabelIndex index;
  const auto rows = from.t().contiguous();
  infoplane::estimator::SoftEntropyAccumulator direct(kWidth);
  direct.update(model->encoded(from).transpose(0, 1),
                *index.group({infoplane::labels::IntegerView(rows.const_data_ptr<std::int64_t>(), 4, 6)}));
  const auto expected = infoplane::plane::layer_point("", direct.estimate());
  infoplane::test::require_same_bits(encoded->layer("transformer.encoder.layers.0")->metrics, expected.metrics);
}

TEST_CASE("one monitor for stacks that read different tokens", "[monitor][stacks]") {
  Translator model;
  for (const std::int64_t length : {6, 9}) {  // of the encoder; the decoder's is 6
    CAPTURE(length);
    const auto from = text(4, length, 1).t().contiguous(), to = text(4, 6, 2).t().contiguous();
    auto mask = at::ones({length, 4}, at::kBool);
    mask.index_put_({length - 1}, false);
    const auto source = BatchDetails().mask(mask);
    Monitor encoder(model, every_step().sites("transformer.encoder.layers.*"));
    Monitor decoder(model, every_step().sites("transformer.decoder.layers.*"));
    const bool is_whole = length == 6;
    Monitor both(model, every_step());
    const auto details = [&](const char* sources, const char* targets) {
      return BatchDetails().tokens({{sources, from, {}, source}, {targets, to}});
    };
    for (const std::int64_t step : {1, 2}) {
      const auto a = encoder.observe(step, from, {}, source);
      const auto b = decoder.observe(step, to);
      const auto c =
          both.observe(step, is_whole ? details("*encoder*", "*decoder*")
                                      : details("transformer.encoder.layers.*", "transformer.decoder.layers.*"));
      model->forward(from, to);
    }
    for (const std::int64_t step : {2}) {
      const auto encoded = *encoder.end_step(step), decoded = *decoder.end_step(step), point = *both.end_step(step);
      REQUIRE(point.groups.size() == 2);
      CHECK(point.groups[0].name == (is_whole ? "encoder" : "transformer.encoder.layers"));
      infoplane::test::require_same_bits(point.groups[0].metrics, encoded.mean);
      infoplane::test::require_same_bits(point.groups[1].metrics, decoded.mean);
      infoplane::test::require_same_bits(point.mean, decoded.mean);  // of as many blocks the last
      CHECK(point.layer(point.groups[0].name) == &point.groups[0]);
      for (const auto* own : {&encoded, &decoded}) {
        for (const auto& layer : own->layers) {
          CAPTURE(layer.name);
          REQUIRE(point.layer(layer.name) != nullptr);
          infoplane::test::require_same_bits(point.layer(layer.name)->metrics, layer.metrics);
        }
      }
    }
  }
}

TEST_CASE("rows of tokens that are not whose they should be", "[monitor][stacks][messages]") {
  Translator model;
  const auto from = text(4, 9, 1).t().contiguous(), to = text(4, 6, 2).t().contiguous();
  Monitor monitor(model, every_step());
  const auto refuse = [&](const BatchDetails& details, const char* text) {
    CHECK_THROWS_MATCHES(monitor.observe(1, details), infoplane::ArgumentError,
                         MessageMatches(ContainsSubstring(text)));
  };
  refuse(BatchDetails().tokens({{"*encoder*", from}}).mask(at::ones_like(to)), "give each row its own");
  refuse(BatchDetails().tokens({{"", from}}), "has no pattern of the sites");
  refuse(BatchDetails().tokens({{"*", from, {}, BatchDetails().tokens({{"*", from}})}}),
         "rows of tokens inside of one");
  CHECK_THROWS_AS(monitor.observe(1, from, {}, BatchDetails().tokens({{"*", from}})), infoplane::ArgumentError);
  {
    const auto observation = monitor.observe(1, BatchDetails().tokens({{"*encoder*", from}}));
    model->forward(from, to);
  }
  CHECK_THROWS_MATCHES(monitor.end_step(1), SiteError,
                       MessageMatches(ContainsSubstring("is in none of the patterns *encoder*")));
  {
    const auto observation = monitor.observe(1, BatchDetails().tokens({{"*encoder*", to}, {"*decoder*", from}}));
    model->forward(from, to);
  }
  CHECK_THROWS_MATCHES(monitor.end_step(1), SiteError, MessageMatches(ContainsSubstring("which does not fit the 4")));
}

TEST_CASE("stacks of other lengths than the tokens: the same advice", "[monitor][stacks]") {
  Translator model;
  const auto from = text(4, 9, 1).t().contiguous();
  const auto to = text(4, 6, 2).t().contiguous();
  Monitor monitor(model, every_step());
  for (const auto& tokens : {to, from}) {
    const auto observation = monitor.observe(1, tokens);
    model->forward(from, to);
    REQUIRE_THROWS_MATCHES(monitor.end_step(1), SiteError, MessageMatches(ContainsSubstring(kAdvice)));
  }
  Monitor encoder(model, every_step().sites("transformer.encoder.layers.*"));
  const auto observation = encoder.observe(1, from);
  model->forward(from, to);
  require_tokens(*encoder.end_step(1), 36);
}

TEST_CASE("stacks that read the same tokens are one monitor's", "[monitor][stacks]") {
  SECTION("a decoder that repeats what the encoder reads") {
    Translator model;
    const auto tokens = text(4, 6, 1).t().contiguous();
    Monitor monitor(model, every_step());
    for (const std::int64_t step : {1, 2}) {
      const auto observation = monitor.observe(step, tokens);
      model->forward(tokens, tokens);
      require_tokens(*monitor.end_step(step), 24);
    }
  }
  SECTION("blocks in two lists that the stream passes one after another") {
    TwoLists model;
    Monitor monitor(model, two_lists());
    const auto tokens = text(6, 6, 1);
    const auto observation = monitor.observe(1, tokens);
    model->forward(tokens);
    const auto point = monitor.end_step(1);
    require_tokens(*point, 36);
    REQUIRE(point->layer("core.1") != nullptr);
  }
}

TEST_CASE("taps of two stacks, of which nothing shows what they read", "[monitor][stacks]") {
  const auto tokens = text(4, 6);
  const auto stream = at::arange(4 * 6 * 8).sin().view({4, 6, 8});
  const auto forward = [&](Monitor& monitor) {
    {
      const auto observation = monitor.observe(1, tokens);
      for (const char* blocks : {"encoder.blocks", "decoder.blocks"}) {
        infoplane::tap(blocks, stream);
        infoplane::tap(blocks, stream);
      }
    }
    return monitor.end_step(1);
  };
  Monitor monitor(MonitorOptions().every(1));
  REQUIRE_THROWS_MATCHES(forward(monitor), SiteError,
                         MessageMatches(ContainsSubstring("2 stacks of blocks (encoder.blocks, decoder.blocks)") &&
                                        ContainsSubstring("MonitorOptions().stacks_share_tokens(true)")));
  Monitor one(MonitorOptions().every(1).sites("encoder.blocks.*"));
  REQUIRE(forward(one)->layers.size() == 2);
  Monitor all(MonitorOptions().every(1).stacks_share_tokens(true));
  REQUIRE(forward(all)->layers.size() == 4);
}

TEST_CASE("what is known of stacks goes on in a saved state", "[monitor][stacks][state]") {
  TwoLists model;
  const auto tokens = text(4, 6, 1);
  const auto step = [&](Monitor& monitor, std::int64_t number) {
    const auto observation = monitor.observe(number, tokens);
    model->forward(tokens);
    return monitor.end_step(number);
  };
  Monitor monitor(model, two_lists());
  step(monitor, 1);
  std::stringstream saved;
  monitor.save(saved);
  Monitor resumed(model, two_lists());
  resumed.load(saved);
  require_tokens(*step(resumed, 2), 24);
}
