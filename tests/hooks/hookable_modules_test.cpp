// Hookable of LibTorch's own modules, and of forwards with many arguments and qualifiers.
#include <infoplane/hooks/hookable.hpp>

#include "hooks/zoo/zoo.hpp"

using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
using infoplane::hooks::Hookable;

namespace {

using nn::LayerNormImpl;
using nn::LinearImpl;
using nn::LSTMImpl;
using nn::MultiheadAttentionImpl;
using nn::TransformerDecoderLayerImpl;
INFOPLANE_MODULE(Linear);
INFOPLANE_MODULE(LayerNorm);
INFOPLANE_MODULE(LSTM);
INFOPLANE_MODULE(MultiheadAttention);
INFOPLANE_MODULE(TransformerDecoderLayer);

Tensor input() { return torch::linspace(-1, 1, 2 * 3 * kWidth).sin().view({2, 3, kWidth}); }

/// A plain module with the hooked one's parameters.
template <typename Plain, typename Hooked>
Plain twin(Plain plain, const Hooked& hooked) {
  const torch::NoGradGuard no_grad;
  for (const auto& parameter : hooked->named_parameters()) {
    plain->named_parameters()[parameter.key()].copy_(parameter.value());
  }
  return plain;
}

template <typename Hooked>
void count(Hooked& hooked, int& calls) {
  hooked->register_forward_hook([&calls](auto&&...) { ++calls; });
}

}  // namespace

TEST_CASE("LibTorch's modules of one tensor have hooks", "[hookable]") {
  int calls = 0;
  Linear linear(nn::LinearOptions(kWidth, 4));
  LayerNorm norm(nn::LayerNormOptions({kWidth}));
  count(linear, calls);
  count(norm, calls);
  const nn::Sequential sequential(norm, linear);
  const auto expected = twin(nn::Linear(kWidth, 4), linear)->forward(twin(layer_norm(), norm)->forward(input()));
  nn::Sequential copy = sequential;
  REQUIRE(at::equal(copy->forward(input()), expected));
  REQUIRE(calls == 2);
  linear->register_forward_pre_hook([](auto&, const auto& inputs) { return std::get<0>(inputs) * 0; });
  REQUIRE(at::equal(linear(input()), linear->bias.expand({2, 3, 4})));
  REQUIRE(calls == 3);
}

TEST_CASE("an LSTM has hooks, and its optional state may be left out", "[hookable]") {
  int calls = 0;
  LSTM lstm(nn::LSTMOptions(kWidth, 4));
  auto plain = twin(nn::LSTM(kWidth, 4), lstm);
  count(lstm, calls);
  const auto [expected, state] = plain(input());
  REQUIRE(at::equal(std::get<0>(lstm(input())), expected));
  REQUIRE(at::equal(std::get<0>(lstm->forward(input())), expected));
  REQUIRE(at::equal(std::get<0>(lstm->forward(input(), state)), std::get<0>(plain(input(), state))));
  REQUIRE_FALSE(at::equal(std::get<0>(lstm->forward(input(), state)), expected));
  nn::AnyModule any(lstm);
  const auto result = any.forward<std::tuple<Tensor, std::tuple<Tensor, Tensor>>>(input());
  REQUIRE(at::equal(std::get<0>(result), expected));
  REQUIRE(calls == 5);
}

TEST_CASE("forwards of six and seven arguments have hooks", "[hookable]") {
  int calls = 0;
  const auto x = input();
  MultiheadAttention attention(nn::MultiheadAttentionOptions(kWidth, 2));
  auto plain = twin(nn::MultiheadAttention(kWidth, 2), attention);
  count(attention, calls);
  REQUIRE(at::equal(std::get<0>(attention(x, x, x)), std::get<0>(plain(x, x, x))));
  REQUIRE(at::equal(std::get<1>(attention->forward(x, x, x, {}, true, {}, false)),
                    std::get<1>(plain(x, x, x, Tensor(), true, Tensor(), false))));
  attention->register_forward_pre_hook([](auto&, auto inputs) {
    std::get<2>(inputs) = torch::zeros_like(std::get<2>(inputs));
    return inputs;
  });
  REQUIRE(std::get<0>(attention(x, x, x)).abs().max().item<double>() < 1e-6);
  REQUIRE(calls == 3);

  TransformerDecoderLayer layer(nn::TransformerDecoderLayerOptions(kWidth, 2).dim_feedforward(16).dropout(0));
  auto plain_layer = twin(
      nn::TransformerDecoderLayer(nn::TransformerDecoderLayerOptions(kWidth, 2).dim_feedforward(16).dropout(0)), layer);
  count(layer, calls);
  REQUIRE(at::equal(layer(x, x), plain_layer(x, x)));
  REQUIRE(at::equal(layer->forward(x, x), plain_layer(x, x)));  // all others are tensors
  const auto mask = torch::full({2, 2}, -1e9).triu(1);
  REQUIRE(at::equal(layer->forward(x, x, mask), plain_layer(x, x, mask)));
  REQUIRE(calls == 6);
}

namespace {

struct LvalueImpl : nn::Module {
  Tensor forward(const Tensor& x) & noexcept { return x + 1; }
};
struct ConstLvalueImpl : nn::Module {
  Tensor forward(const Tensor& x) const& noexcept { return x + 1; }
};
struct NoArgumentImpl : nn::Module {
  Tensor forward() { return torch::ones({2}); }
};

struct PairsImpl : nn::Module {
  using Cache = std::pair<Tensor, Tensor>;
  std::pair<Tensor, std::optional<Cache>> forward(std::tuple<Tensor, int> x,
                                                  std::optional<Cache> cache = std::nullopt) {
    return {cache ? cache->first : std::get<0>(x) * std::get<1>(x), cache};
  }
};

}  // namespace

TEST_CASE("qualifiers, no argument, pairs and tuples", "[hookable]") {
  int calls = 0;
  const auto check = [&](auto module, auto... arguments) {
    module.register_forward_hook([&calls](auto&, const auto&, const Tensor& output) {
      ++calls;
      return output * 2;
    });
    return module.forward(arguments...);
  };
  REQUIRE(at::equal(check(Hookable<LvalueImpl>(), torch::zeros({2})), torch::full({2}, 2.)));
  REQUIRE(at::equal(check(Hookable<ConstLvalueImpl>(), torch::zeros({2})), torch::full({2}, 2.)));
  REQUIRE(at::equal(check(Hookable<NoArgumentImpl>()), torch::full({2}, 2.)));
  REQUIRE(calls == 3);

  Hookable<PairsImpl> pairs;
  pairs.register_forward_pre_hook([&](auto&, const auto& inputs) {
    ++calls;
    REQUIRE_FALSE(std::get<1>(inputs).has_value());
  });
  const auto [product, none] = pairs.forward({torch::ones({2}), 3});
  REQUIRE(at::equal(product, torch::full({2}, 3.)));
  REQUIRE_FALSE(none.has_value());
  REQUIRE(calls == 4);
}
