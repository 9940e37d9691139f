// Blocks that begin with a condition: what a linear map makes of it shifts, scales and gates the stream. The condition
// is never the stream, whatever shape it has.
#include "hooks/streams/streams.hpp"

using namespace infoplane::streams;  // NOLINT(google-build-using-namespace)

namespace {

enum class Norm { kBare, kFunction, kAffine, kByHand };
enum class Order { kConditionFirst, kNormFirst };

struct Manner {
  Norm norm = Norm::kBare;
  Order order = Order::kConditionFirst;
  bool per_position = false;  ///< condition [B, T, C], else [B, C]
  bool upfront = false;       ///< the conditions' maps run before all blocks
  bool adds = false;          ///< the condition is added to the stream too
};

/// DiT: x + gate · f(norm(x) · (1 + scale) + shift).
struct AdaptiveImpl : nn::Module {
  explicit AdaptiveImpl(Manner manner_) : manner(manner_) {
    ada = register_module("ada", nn::Linear(kWidth, 6 * kWidth));
    if (manner.norm == Norm::kAffine) {
      affine1 = register_module("norm1", layer_norm());
      affine2 = register_module("norm2", layer_norm());
    }
    attn = register_module("attn", Attention());
    mlp = register_module("mlp", Mlp());
  }
  Tensor normed(const Tensor& x, nn::LayerNorm& affine) {
    switch (manner.norm) {
      case Norm::kBare:
        return bare(x);
      case Norm::kFunction:
        return F::layer_norm(x, F::LayerNormFuncOptions({kWidth}));
      case Norm::kAffine:
        return affine(x);
      default:
        return x * torch::rsqrt(x.pow(2).mean(-1, true) + 1e-6);
    }
  }
  Tensor conditions(const Tensor& c) { return ada(torch::silu(c)); }
  Tensor forward(Tensor x, const Tensor& c, const Tensor& given) {
    if (manner.adds) {
      x = x + c;
    }
    Tensor early = manner.order == Order::kNormFirst ? normed(x, affine1) : Tensor();
    const auto all = given.defined() ? given : conditions(c);
    auto parts = (all.dim() == 2 ? all.unsqueeze(1) : all).chunk(6, -1);
    const auto h = (early.defined() ? early : normed(x, affine1)) * (1 + parts[1]) + parts[0];
    x = x + parts[2] * attn(h);
    return x + parts[5] * mlp(normed(x, affine2) * (1 + parts[4]) + parts[3]);
  }
  Manner manner;
  nn::Linear ada{nullptr};
  nn::LayerNorm affine1{nullptr}, affine2{nullptr}, bare = bare_norm();
  Attention attn{nullptr};
  Mlp mlp{nullptr};
};

struct DiT : Traced {
  explicit DiT(Manner manner_, bool adaptive_end = false) : manner(manner_) {
    torch::manual_seed(2);
    embed = register_module("embed", embedding());
    classes = register_module("classes", nn::Embedding(4, kWidth));
    list = register_module("layers", nn::ModuleList());
    for (int i = 0; i < 3; ++i) {
      layers.push_back(std::make_shared<AdaptiveImpl>(manner));
      list->push_back(layers.back());
    }
    if (adaptive_end) {
      final_ada = register_module("final_ada", nn::Linear(kWidth, 2 * kWidth));
    } else {
      norm = register_module("norm", layer_norm());
    }
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) override {
    auto c = manner.per_position ? classes(tokens.remainder(4)) : classes(tokens.select(1, 0).remainder(4));
    auto x = embed(tokens);
    note("embedding", manner.adds ? x + c : x);
    std::vector<Tensor> given(layers.size());
    for (std::size_t i = 0; manner.upfront && i < layers.size(); ++i) {
      given[i] = layers[i]->conditions(c);
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->forward(x, c, given[i]);
      note(numbered("layers.", static_cast<int64_t>(i)), manner.adds && i + 1 < layers.size() ? x + c : x);
    }
    if (final_ada) {
      const auto parts = (c.dim() == 2 ? c.unsqueeze(1) : c).matmul(final_ada->weight.t()).chunk(2, -1);
      return head(bare(x) * (1 + parts[0]) + parts[1]);
    }
    return head(norm(x));
  }
  Manner manner;
  nn::Embedding embed{nullptr}, classes{nullptr};
  nn::ModuleList list{nullptr};
  std::vector<std::shared_ptr<AdaptiveImpl>> layers;
  nn::Linear final_ada{nullptr}, head{nullptr};
  nn::LayerNorm norm{nullptr}, bare = bare_norm();
};

}  // namespace

TEST_CASE("adaptive norms: the condition is no stream", "[streams]") {
  for (const auto norm : {Norm::kBare, Norm::kFunction, Norm::kAffine, Norm::kByHand}) {
    for (const auto order : {Order::kConditionFirst, Order::kNormFirst}) {
      for (const bool per_position : {false, true}) {
        for (const bool upfront : {false, true}) {
          INFO("norm " << static_cast<int>(norm) << ", order " << static_cast<int>(order) << ", per position "
                       << per_position << ", upfront " << upfront);
          DiT model({norm, order, per_position, upfront});
          require_streams(model);
        }
      }
    }
  }
}

TEST_CASE("adaptive norms: a last layer that is adaptive itself", "[streams]") {
  for (const bool per_position : {false, true}) {
    DiT model({Norm::kBare, Order::kConditionFirst, per_position}, true);
    require_streams(model);
  }
}

TEST_CASE("adaptive norms: a condition that is added to the stream where the block begins", "[streams]") {
  DiT model({.per_position = true, .adds = true});
  require_streams(model);
}
