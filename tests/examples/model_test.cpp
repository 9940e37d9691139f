#include "model.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <set>
#include <string>

using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using Catch::Matchers::WithinAbs;
using train_text::GPT;
using train_text::GPTOptions;

namespace {

GPT seeded(std::uint64_t seed) {
  torch::manual_seed(seed);
  return GPT(GPTOptions().vocabulary(50).context(12).width(16).layers(2).heads(4));
}

torch::Tensor some_tokens() { return torch::arange(24).reshape({2, 12}); }

}  // namespace

TEST_CASE("modules carry the names that a watcher asks for", "[examples][model]") {
  std::set<std::string> names;
  const auto model = seeded(0);
  for (const auto& module : model->named_modules("", false)) {
    names.insert(module.key());
  }
  for (const char* name : {"token_embedding", "position_embedding", "blocks.0.ln1", "blocks.0.ln2", "blocks.1.ln1",
                           "blocks.1.attention.qkv", "ln_f", "head"}) {
    CAPTURE(name);
    REQUIRE(names.contains(name));
  }
  REQUIRE_FALSE(names.contains("blocks.2.ln1"));
}

TEST_CASE("matrices start as N(0, 0.02), biases as 0, norms as 1", "[examples][model]") {
  torch::manual_seed(3);
  const GPT model{GPTOptions()};
  for (const auto& parameter : model->named_parameters()) {
    CAPTURE(parameter.key());
    if (parameter->dim() > 1) {
      REQUIRE_THAT(parameter->std().item<double>(), WithinAbs(0.02, 0.001));
      REQUIRE_THAT(parameter->mean().item<double>(), WithinAbs(0.0, 0.001));
    } else {
      const double value = parameter.key().ends_with("weight") ? 1.0 : 0.0;
      REQUIRE((*parameter == value).all().item<bool>());
    }
  }
}

TEST_CASE("the same seed gives the same logits, another seed others", "[examples][model]") {
  const auto logits = seeded(1)(some_tokens());
  REQUIRE(logits.sizes() == at::IntArrayRef{2, 12, 50});
  REQUIRE(logits.equal(seeded(1)(some_tokens())));
  REQUIRE_FALSE(logits.equal(seeded(2)(some_tokens())));
}

TEST_CASE("logits depend on earlier tokens and never on later ones", "[examples][model]") {
  auto model = seeded(1);
  const auto before = model(some_tokens());
  auto changed = some_tokens();
  changed.select(1, 6).fill_(49);
  const auto difference = (model(changed) - before).abs().amax({0, 2});
  REQUIRE(difference.slice(0, 0, 6).max().item<double>() == 0.0);
  REQUIRE(difference.slice(0, 6, 12).min().item<double>() > 0.0);
}

TEST_CASE("attention is softmax of scaled scores over the past, head by head", "[examples][model]") {
  torch::manual_seed(4);
  train_text::Attention attention(GPTOptions().width(6).heads(2));
  attention->to(torch::kDouble);
  const auto x = torch::randn({2, 5, 6}, torch::kDouble);
  const auto parameters = attention->named_parameters();
  const auto qkv = x.matmul(parameters["qkv.weight"].t()) + parameters["qkv.bias"];
  auto mixed = torch::zeros_like(x);
  for (int64_t head = 0; head < 2; ++head) {
    const auto part = [&](int64_t which) { return qkv.narrow(2, 6 * which + 3 * head, 3); };
    for (int64_t i = 0; i < 5; ++i) {
      const auto scores = (part(1).narrow(1, 0, i + 1) * part(0).narrow(1, i, 1)).sum(2) / std::sqrt(3.0);
      const auto value = (scores.softmax(1).unsqueeze(2) * part(2).narrow(1, 0, i + 1)).sum(1);
      mixed.narrow(2, 3 * head, 3).select(1, i).copy_(value);
    }
  }
  const auto expected = mixed.matmul(parameters["projection.weight"].t()) + parameters["projection.bias"];
  REQUIRE(torch::allclose(attention(x), expected, 1e-10, 1e-12));
}

TEST_CASE("sizes that cannot work are errors", "[examples][model]") {
  REQUIRE_THROWS_MATCHES(GPT(GPTOptions().width(10).heads(4)), c10::Error,
                         MessageMatches(ContainsSubstring("a width of 10 does not divide into 4 heads")));
  REQUIRE_THROWS_MATCHES(seeded(0)(torch::zeros({1, 13}, torch::kLong)), c10::Error,
                         MessageMatches(ContainsSubstring("rows of 13 tokens exceed the context of 12")));
}
