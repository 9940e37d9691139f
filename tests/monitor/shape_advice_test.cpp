// What the error says of a site whose shape is not the tokens', and that it works.
#include "monitor/shape_advice.hpp"

#include <torch/nn/module.h>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <functional>
#include <infoplane/core/error.hpp>
#include <infoplane/hooks/tap.hpp>
#include <infoplane/monitor/monitor.hpp>

#include "monitor/point_checks.hpp"
#include "monitor/small_gpt.hpp"

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::EndsWith;
using Catch::Matchers::MessageMatches;
using Catch::Matchers::StartsWith;
using infoplane::BatchDetails;
using infoplane::Monitor;
using infoplane::MonitorOptions;
using infoplane::ObservedTokens;
using infoplane::shape_error;
using infoplane::SiteError;
using infoplane::hooks::Site;
using infoplane::hooks::SiteKind;
using infoplane::plane::Point;
using infoplane::test::Block;
using infoplane::test::require_tokens;
using infoplane::test::text;

namespace {

namespace nn = torch::nn;

constexpr std::int64_t kVocabulary = 11;
constexpr std::int64_t kWidth = 16;

const Site kBlock{"blocks.1", SiteKind::kNormInput, "norm.weight", 1, "blocks"};
const Site kTap{"blocks.1", SiteKind::kTap, "tap(\"blocks\")", 1, "blocks"};
const std::vector<std::string> kAll = {"embedding", "blocks.0", "blocks.1"};

/// Against 4 sequences of 12 tokens, of which 40 count.
std::string advice(const Site& site, const std::vector<std::int64_t>& sizes) {
  const auto message = shape_error(site, sizes, {4, 12, 40}, kAll, {"blocks"});
  const auto colon = message.find("given to observe(): ");
  return message.substr(colon + 20);
}

/// Two blocks and a final norm; `prepare` makes the stream of the embedded tokens, `pool` what the norm reads.
struct ModelImpl : nn::Module {
  using Step = std::function<at::Tensor(const at::Tensor&)>;

  ModelImpl()
      : embedding(register_module("embedding", nn::Embedding(kVocabulary, kWidth))),
        blocks(register_module("blocks", nn::ModuleList(Block(kWidth), Block(kWidth)))),
        norm(register_module("norm", nn::LayerNorm(nn::LayerNormOptions({kWidth})))) {
    eval();
  }
  at::Tensor forward(const at::Tensor& tokens) {
    auto x = prepare(embedding(tokens));
    tap("embedding", x);
    for (std::size_t i = 0; i < blocks->size(); ++i) {
      x = blocks[i]->as<Block>()->forward(x);
      tap("blocks." + std::to_string(i), x);
    }
    return norm(pool(x));
  }

  Step prepare = [](const at::Tensor& x) { return x; };
  Step pool = [](const at::Tensor& x) { return x; };
  std::function<void(const std::string& name, const at::Tensor& x)> tap = [](const auto&, const auto&) {};
  nn::Embedding embedding{nullptr};
  nn::ModuleList blocks{nullptr};
  nn::LayerNorm norm{nullptr};
};
TORCH_MODULE(Model);

Point measure(Model& model, const at::Tensor& given, const at::Tensor& tokens, const BatchDetails& details = {},
              const MonitorOptions& options = MonitorOptions().every(1)) {
  Monitor monitor(model, options);
  {
    const auto observation = monitor.observe(1, given, {}, details);
    model->forward(tokens);
  }
  return *monitor.end_step(1);
}

void require_error(Model& model, const at::Tensor& given, const at::Tensor& tokens, const std::string& what) {
  REQUIRE_THROWS_MATCHES(measure(model, given, tokens), SiteError, MessageMatches(ContainsSubstring(what)));
}

}  // namespace

TEST_CASE("the advice fits the shape", "[monitor][messages]") {
  REQUIRE_THAT(shape_error(kBlock, {5, 7, 16}, {4, 12, 48}, kAll, {"blocks"}),
               StartsWith("site \"blocks.1\" fired with shape [5, 7, 16], which does not fit the 4 sequences of 12 "
                          "tokens given to observe(): "));
  REQUIRE(advice(kBlock, {5, 7, 16}) == "observe the tokens that the model's forward gets, one forward an observation");
  REQUIRE(advice(kBlock, {8, 12, 16}) == advice(kBlock, {5, 7, 16}));  // parts of a batch, one after another
  REQUIRE(advice(kBlock, {8, 6, 16}) ==
          "it has as many rows: give observe() the tokens in the shape that the forward gets, such as tokens.view({8, "
          "6})");
  REQUIRE(advice(kBlock, {16}) == advice(kBlock, {5, 7, 16}));
  REQUIRE(advice(kBlock, {4, 16}) ==
          "it has one row for each sequence, as after pooling: hand over what is pooled where the block ends: "
          "infoplane::tap(\"blocks.1\", x); Or leave the site out: MonitorOptions().sites({\"embedding\", "
          "\"blocks.0\"})");
  REQUIRE_THAT(advice(kTap, {4, 16}),
               ContainsSubstring("hand over what is pooled instead: infoplane::tap(\"blocks\", x);"));
  REQUIRE_THAT(advice(kBlock, {40, 16}), StartsWith("it has one row for each position that the mask leaves"));
  REQUIRE(advice(kBlock, {4, 4, 3, 16}) ==
          "its positions lie on a grid: hand over its rows where the block ends: infoplane::tap(\"blocks.1\", "
          "x.flatten(1, 2));");
  REQUIRE_THAT(advice(kBlock, {4, 16, 4, 3}), EndsWith("infoplane::tap(\"blocks.1\", x.flatten(2).transpose(1, 2));"));
  REQUIRE_THAT(advice(kBlock, {4, 2, 12, 8}), EndsWith("infoplane::tap(\"blocks.1\", x.transpose(1, 2).flatten(2));"));
  REQUIRE_THAT(advice(kBlock, {4, 5, 5, 16}), StartsWith("a grid of 5 x 5 positions wants 25 tokens a sequence"));
  REQUIRE_THAT(
      advice(kBlock, {4, 13, 16}),
      StartsWith("it has 1 position more than tokens. If these are a class token or virtual tokens in front, "
                 "give observe() BatchDetails().prefix(1); where they come last, .suffix(1); where single positions "
                 "decide, .only(0) or .only(-1). Or, if its positions are those of other tokens"));
  REQUIRE_THAT(advice(kTap, {15, 4, 16}),
               ContainsSubstring("BatchDetails().prefix(3); where they come last, .suffix(3)"));
  REQUIRE_THAT(advice(kBlock, {4, 11, 16}),
               StartsWith("it has 1 position fewer than tokens: give observe() the tensor that the forward gets, such "
                          "as tokens.slice(1, 0, -1). Or, if its positions are those of other tokens, such as an "
                          "encoder's, leave the site out"));
  REQUIRE_THAT(advice(kBlock, {4, 5, 16}),
               EndsWith("a monitor of its own, MonitorOptions().sites(\"blocks.1\"), can observe those"));
}

TEST_CASE("an output that is pooled is read before it is", "[monitor][messages]") {
  Model model;
  model->pool = [](const at::Tensor& x) { return x.mean(1); };
  const auto tokens = text(4, 12);
  const auto watched = measure(model, tokens, tokens);
  require_tokens(watched, 48);
  REQUIRE(watched.layers.size() == 3);
  model->tap = [](const std::string& name, const at::Tensor& x) {
    if (name == "blocks.1") {
      infoplane::tap("blocks.1", x);
    }
  };
  const auto tapped = measure(model, tokens, tokens);
  require_tokens(tapped, 48);
  REQUIRE(tapped.layers.size() == 3);
  REQUIRE(watched.layer("blocks.1")->metrics.at("H(Z)") == tapped.layer("blocks.1")->metrics.at("H(Z)"));
}

TEST_CASE("a grid of positions: tap its rows", "[monitor][messages]") {
  Model model;
  model->prepare = [](const at::Tensor& x) { return x.view({4, 4, 3, kWidth}); };
  const auto tokens = text(4, 12);
  require_error(model, tokens, tokens, "infoplane::tap(\"embedding\", x.flatten(1, 2));");
  model->tap = [](const std::string& name, const at::Tensor& x) { infoplane::tap(name, x.flatten(1, 2)); };
  const auto point = measure(model, tokens, tokens);
  require_tokens(point, 48);
  REQUIRE(point.layers.size() == 3);
}

TEST_CASE("a class token in front: say so, or tap the rest", "[monitor][messages]") {
  Model model;
  model->prepare = [](const at::Tensor& x) { return at::cat({at::ones({x.size(0), 1, kWidth}), x}, 1); };
  const auto tokens = text(4, 12);
  require_error(model, tokens, tokens, "BatchDetails().prefix(1)");
  const auto said = measure(model, tokens, tokens, BatchDetails().prefix(1));
  require_tokens(said, 48);
  REQUIRE(said.layers.size() == 3);
  const auto square = text(12, 12);
  model->tap = [](const std::string& name, const at::Tensor& x) { infoplane::tap(name, x.slice(1, 1)); };
  for (const auto& given : {tokens, square}) {  // of the square one the embedding tells which axis is which
    const auto point = measure(model, given, given);
    require_tokens(point, given.numel());
    REQUIRE(point.layers.size() == 3);
  }
}

TEST_CASE("a token more than the forward gets: observe what it gets", "[monitor][messages]") {
  Model model;
  const auto tokens = text(4, 13);
  require_error(model, tokens, tokens.slice(1, 0, -1), "such as tokens.slice(1, 0, -1)");
  require_tokens(measure(model, tokens.slice(1, 0, -1), tokens.slice(1, 0, -1)), 48);
}

TEST_CASE("tokens as one row: give them their shape", "[monitor][messages]") {
  Model model;
  const auto tokens = text(4, 12);
  require_error(model, tokens.flatten(), tokens, "such as tokens.view({4, 12})");
  require_tokens(measure(model, tokens.flatten().view({4, 12}), tokens), 48);
}

TEST_CASE("a forward that packs what counts: observe the packed row", "[monitor][messages]") {
  Model model;
  const auto tokens = text(4, 12);
  auto mask = at::ones({4, 12}, at::kBool);
  mask.slice(0, 0, 2).slice(1, 8).fill_(false);
  const auto packed = tokens.masked_select(mask);
  REQUIRE_THROWS_MATCHES(measure(model, tokens, packed, BatchDetails().mask(mask)), SiteError,
                         MessageMatches(ContainsSubstring("as of a packed forward")));
  const auto sequences = at::arange(4).view({4, 1}).expand({4, 12}).masked_select(mask);
  const auto point = measure(model, packed.view({1, -1}), packed, BatchDetails().documents(sequences.view({1, -1})));
  require_tokens(point, 40);
  REQUIRE(point.layer("blocks.1")->metrics.at("tokens/input_bigram") == 40 - 4);  // none reaches over a seam
}

TEST_CASE("a site of another row of tokens has a monitor of its own", "[monitor][messages]") {
  const auto tokens = text(4, 12);
  const auto memory_tokens = text(4, 5);
  const auto memory = at::arange(4 * 5 * 8).sin().view({4, 5, 8});
  const auto stream = at::arange(4 * 12 * 8).sin().view({4, 12, 8});
  const auto forward = [&](Monitor& monitor, const at::Tensor& given) {
    const auto observation = monitor.observe(1, given);
    infoplane::tap("blocks", stream);
    infoplane::tap("cross.0", memory);  // what cross-attention reads
    return *monitor.end_step(1);
  };
  Monitor monitor(MonitorOptions().every(1));
  REQUIRE_THROWS_MATCHES(forward(monitor, tokens), SiteError,
                         MessageMatches(ContainsSubstring("MonitorOptions().sites(\"cross.0\"), can observe those")));
  Monitor own(MonitorOptions().every(1).sites("cross.0"));
  require_tokens(forward(own, memory_tokens), 20);
  Monitor without(MonitorOptions().every(1).sites("blocks.*"));
  require_tokens(forward(without, tokens), 48);
}
