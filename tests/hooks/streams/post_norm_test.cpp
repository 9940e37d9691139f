// Blocks that end in a norm, and layers that are registered for nothing but to be copied.
#include "hooks/streams/streams.hpp"

using namespace infoplane::streams;  // NOLINT(google-build-using-namespace)

namespace {

Tensor bare(const Tensor& x) { return F::layer_norm(x, F::LayerNormFuncOptions({kWidth})); }

/// Post-norm with functional norms without a weight, of one part or two, on [B, T, C] or [T, B, C].
struct FunctionalImpl : nn::Module {
  FunctionalImpl(bool has_two_, bool is_turned_) : has_two(has_two_), is_turned(is_turned_) {
    attn = register_module("attn", Attention());
    mlp = register_module("mlp", Mlp());
  }
  Tensor forward(Tensor x) {
    const auto mixed = is_turned ? attn(x.transpose(0, 1)).transpose(0, 1) : attn(x);
    if (!has_two) {
      return bare(x + mlp(mixed));
    }
    x = bare(x + mixed);
    return bare(x + mlp(x));
  }
  bool has_two, is_turned;
  Attention attn{nullptr};
  Mlp mlp{nullptr};
};

/// torch::nn::TransformerEncoder with the layer it was copied from registered too.
struct Encoder : Traced {
  enum class End { kHead, kNormAndHead, kMean, kFirst };
  Encoder(int layers, End end_) : end(end_) {
    torch::manual_seed(3);
    embed = register_module("embed", embedding());
    layer = register_module(
        "encoder_layer",
        nn::TransformerEncoderLayer(nn::TransformerEncoderLayerOptions(kWidth, 2).dim_feedforward(16).dropout(0)));
    encoder = register_module("encoder", nn::TransformerEncoder(layer, layers));
    if (end == End::kNormAndHead) {
      norm = register_module("norm", layer_norm());
    }
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) override {
    auto x = embed(tokens.t());
    note("embedding", x);
    {
      const torch::NoGradGuard no_grad;
      const at::DisableRecordFunctionGuard unseen;
      auto y = x.detach();
      for (std::size_t i = 0; i < encoder->layers->size(); ++i) {
        y = encoder->layers[i]->as<nn::TransformerEncoderLayer>()->forward(y);
        note(numbered("encoder.layers.", static_cast<int64_t>(i)), y);
      }
    }
    x = encoder(x);
    switch (end) {
      case End::kNormAndHead:
        return head(norm(x));
      case End::kMean:
        return head(x.mean(0));
      case End::kFirst:
        return head(x[0]);
      default:
        return head(x.transpose(0, 1));
    }
  }
  End end;
  nn::Embedding embed{nullptr};
  nn::TransformerEncoderLayer layer{nullptr};
  nn::TransformerEncoder encoder{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

struct PreNormImpl : nn::Module {
  PreNormImpl() {
    ln = register_module("ln", layer_norm());
    mlp = register_module("mlp", Mlp());
  }
  Tensor forward(const Tensor& x) { return x + mlp(ln(x)); }
  nn::LayerNorm ln{nullptr};
  Mlp mlp{nullptr};
};

/// A pre-norm model with an unused copy of its block, and a head that reads a part of the stream or its mean.
struct Pooled : Net<PreNormImpl> {
  Pooled(int count, bool is_mean_) : Net<PreNormImpl>({count, false}), is_mean(is_mean_) {
    register_module("block_template", std::make_shared<PreNormImpl>());
  }
  Tensor forward(const Tensor& tokens) override {
    auto x = embed(tokens);
    note("embedding", x);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->forward(x);
      note(numbered("layers.", static_cast<int64_t>(i)), x);
    }
    return head(is_mean ? x.mean(1) : x.select(1, 0));
  }
  bool is_mean;
};

}  // namespace

TEST_CASE("post-norm blocks with functional norms hand on what the last norm returned", "[streams]") {
  for (const bool has_two : {true, false}) {
    for (const bool is_turned : {true, false}) {
      for (const bool has_norm : {true, false}) {
        for (const int layers : {3, 2}) {
          INFO("two parts " << has_two << ", turned " << is_turned << ", final norm " << has_norm);
          Net<FunctionalImpl> model({layers, has_norm}, has_two, is_turned);
          require_streams(model);
        }
      }
    }
  }
  for (const bool is_turned : {true, false}) {
    Net<FunctionalImpl> single({1, true}, true, is_turned);
    require_streams(single);
  }
  Net<FunctionalImpl> headed({1, false}, true, false);  // its first part shows that norms come behind additions
  require_streams(headed);
}

TEST_CASE("TransformerEncoder of any number of layers, with its template registered", "[streams]") {
  for (const int layers : {1, 2, 3}) {
    for (const auto end :
         {Encoder::End::kHead, Encoder::End::kNormAndHead, Encoder::End::kMean, Encoder::End::kFirst}) {
      INFO(layers << " layers, end " << static_cast<int>(end));
      Encoder model(layers, end);
      require_streams(model);
    }
  }
}

TEST_CASE("an unused copy of a block does not hide the end of the last one", "[streams]") {
  for (const int layers : {1, 3}) {
    for (const bool is_mean : {true, false}) {
      Pooled model(layers, is_mean);
      require_streams(model);
    }
  }
}

TEST_CASE("a head that could read the sum or what a norm of the block made of it: an error, for a single block",
          "[streams]") {
  for (const bool has_norm : {true, false}) {
    Net<FunctionalImpl> model({1, has_norm}, false, false);
    require_doubt(model, {"1 of 2 watched sites", "layers.0", "x = infoplane::tap(\"layers.0\", x);"});
  }
}
