// Several stacks, blocks that are used several times, parameters that are shared, and what later forwards do.
#include <torch/autograd.h>

#include "hooks/streams/streams.hpp"

using namespace infoplane::streams;  // NOLINT(google-build-using-namespace)

namespace {

/// x + mlp(norm(x)) twice, with the norms given.
struct LayerImpl : nn::Module {
  explicit LayerImpl(nn::LayerNorm first = layer_norm(), nn::LayerNorm second = layer_norm()) {
    ln1 = register_module("ln1", std::move(first));
    ln2 = register_module("ln2", std::move(second));
    f = register_module("f", Mlp());
    g = register_module("g", Mlp());
  }
  Tensor forward(Tensor x) {
    x = x + f(ln1(x));
    return x + g(ln2(x));
  }
  nn::LayerNorm ln1{nullptr}, ln2{nullptr};
  Mlp f{nullptr}, g{nullptr};
};

struct CrossImpl : nn::Module {
  CrossImpl() {
    ln1 = register_module("ln1", layer_norm());
    ln2 = register_module("ln2", layer_norm());
    attn = register_module("attn", Attention());
    key = register_module("key", nn::Linear(kWidth, kWidth));
    query = register_module("query", nn::Linear(kWidth, kWidth));
    f = register_module("f", Mlp());
  }
  Tensor forward(Tensor x, const Tensor& memory) {
    x = x + attn(ln1(x));
    const auto k = key(memory);
    x = x + at::scaled_dot_product_attention(query(ln2(x)), k, k);
    return x + f(x);
  }
  nn::LayerNorm ln1{nullptr}, ln2{nullptr};
  Attention attn{nullptr};
  nn::Linear key{nullptr}, query{nullptr};
  Mlp f{nullptr};
};

/// Encoder and decoder, one embedding for both if asked for.
struct Seq2Seq : Traced {
  Seq2Seq(int encoder_layers, bool is_shared, bool has_norm) {
    torch::manual_seed(4);
    source = register_module("source", embedding());
    target = is_shared ? source : register_module("target", embedding());
    const auto encoder_list = register_module("encoder", nn::ModuleList());
    const auto decoder_list = register_module("decoder", nn::ModuleList());
    for (int i = 0; i < encoder_layers; ++i) {
      encoder.push_back(std::make_shared<LayerImpl>());
      encoder_list->push_back(encoder.back());
    }
    for (int i = 0; i < 2; ++i) {
      decoder.push_back(std::make_shared<CrossImpl>());
      decoder_list->push_back(decoder.back());
    }
    if (has_norm) {
      norm = register_module("encoder_norm", layer_norm());
    }
    bridge = register_module("bridge", nn::Linear(kWidth, kWidth));
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) override {
    auto x = source(tokens);
    note("embedding", x);
    for (std::size_t i = 0; i < encoder.size(); ++i) {
      x = encoder[i]->forward(x);
      note(numbered("encoder.", static_cast<int64_t>(i)), x);
    }
    const auto memory = bridge(norm ? norm(x) : x);
    auto y = target(tokens.slice(1, 0, 4));
    note("decoder.embedding", y);
    for (std::size_t i = 0; i < decoder.size(); ++i) {
      y = decoder[i]->forward(y, memory);
      note(numbered("decoder.", static_cast<int64_t>(i)), y);
    }
    return head(y);
  }
  nn::Embedding source{nullptr}, target{nullptr};
  std::vector<std::shared_ptr<LayerImpl>> encoder;
  std::vector<std::shared_ptr<CrossImpl>> decoder;
  nn::LayerNorm norm{nullptr};
  nn::Linear bridge{nullptr}, head{nullptr};
};

/// Recomputes a block in the backward.
struct Checkpoint : torch::autograd::Function<Checkpoint> {
  static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, int64_t block) {
    context->save_for_backward({x});
    context->saved_data["block"] = block;
    return reinterpret_cast<LayerImpl*>(block)->forward(x);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const torch::AutoGradMode with_gradients(true);
    const auto x = context->get_saved_variables()[0].detach().requires_grad_();
    reinterpret_cast<LayerImpl*>(context->saved_data["block"].toInt())->forward(x).backward(gradients[0]);
    return {x.grad(), Tensor()};
  }
};

/// The layers' norms are those of the root, or all the same, or blocks are used again.
struct Sharing : Traced {
  enum class Manner { kTiedFirst, kTiedBoth, kTiedAll, kSameBlock, kCheckpoint, kMemory };
  explicit Sharing(Manner manner_) : manner(manner_) {
    torch::manual_seed(5);
    embed = register_module("embed", embedding());
    const auto list = register_module("layers", nn::ModuleList());
    auto shared = layer_norm();
    auto other = manner == Manner::kTiedAll ? shared : layer_norm();
    for (int i = 0; i < 3; ++i) {
      const bool is_tied = manner == Manner::kTiedFirst || manner == Manner::kTiedBoth || manner == Manner::kTiedAll;
      const bool is_second_tied = manner == Manner::kTiedBoth || manner == Manner::kTiedAll;
      const bool is_same = manner == Manner::kSameBlock && i > 0;
      layers.push_back(is_same ? layers.front()
                               : std::make_shared<LayerImpl>(is_tied ? shared : layer_norm(),
                                                             is_second_tied ? other : layer_norm()));
      list->push_back(layers.back());
    }
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) override {
    auto x = embed(tokens);
    note("embedding", x);
    const auto first = x;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (manner == Manner::kMemory && i > 0) {
        x = 0.9 * x + 0.1 * first;  // every block is shown the embedding again
        truth.back().second = x.detach().clone();
      }
      x = manner == Manner::kCheckpoint ? Checkpoint::apply(x, reinterpret_cast<int64_t>(layers[i].get()))
                                        : layers[i]->forward(x);
      note(numbered("layers.", static_cast<int64_t>(i)), x);
    }
    return head(norm(x));
  }
  Manner manner;
  nn::Embedding embed{nullptr};
  std::vector<std::shared_ptr<LayerImpl>> layers;
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

}  // namespace

TEST_CASE("encoder and decoder: their streams, not the memory between them", "[streams]") {
  for (const int layers : {1, 2, 3}) {
    for (const bool is_shared : {false, true}) {
      for (const bool has_norm : {false, true}) {
        INFO(layers << " layers, shared embedding " << is_shared << ", norm " << has_norm);
        Seq2Seq model(layers, is_shared, has_norm);
        Watcher watcher(model);
        for (int pass = 0; pass < 2; ++pass) {
          const auto captured = observe(watcher, model, pass);
          INFO(watcher.describe());
          REQUIRE_NOTHROW(watcher.verify());
          REQUIRE(captured.streams.size() == model.truth.size());
          for (std::size_t i = 0; i < model.truth.size(); ++i) {
            REQUIRE(captured.streams[i].first.name == model.truth[i].first);
            REQUIRE(at::equal(captured.streams[i].second, model.truth[i].second));
          }
        }
      }
    }
  }
}

TEST_CASE("norms that blocks share, blocks that are the same, checkpoints, and a reminder of the embedding",
          "[streams]") {
  using Manner = Sharing::Manner;
  for (const auto manner : {Manner::kTiedFirst, Manner::kTiedBoth, Manner::kTiedAll, Manner::kCheckpoint,
                            Manner::kMemory, Manner::kSameBlock}) {
    INFO("manner " << static_cast<int>(manner));
    Sharing model(manner);
    require_streams(model);
  }
}

TEST_CASE("a stream is not what a freed tensor at the same address was", "[streams]") {
  // Without gradients each block's tensors are freed at once, and the next block gets their memory.
  const torch::NoGradGuard no_grad;
  Net<LayerImpl> model({6});
  Watcher watcher(model);
  for (int pass = 0; pass < 3; ++pass) {
    const auto captured = observe(watcher, model, pass);
    REQUIRE(captured.streams.size() == 7);
    for (std::size_t i = 0; i < 7; ++i) {
      REQUIRE(captured.streams[i].first.name == model.truth[i].first);
      REQUIRE(at::equal(captured.streams[i].second, model.truth[i].second));
    }
  }
}

TEST_CASE("an unused block can be left out", "[streams]") {
  struct Skipping : Net<LayerImpl> {
    Tensor forward(const Tensor& tokens) override {
      auto x = embed(tokens);
      note("embedding", x);
      x = layers[1]->forward(x);
      note("layers.1", x);
      x = layers[2]->forward(x);
      note("layers.2", x);
      return end(x);
    }
  };
  Skipping model;
  require_doubt(model, {"1 of 4 watched sites", "layers.0: 0 hits"});
  require_streams(model, WatchOptions().sites({"embedding", "layers.1", "layers.2"}));
}

namespace {

/// Post-norm layer; a bent one reads its stream by no parameter.
struct AfterImpl : nn::Module {
  explicit AfterImpl(bool bent) : is_bent(bent) {
    attn = register_module("attn", Attention());
    ln1 = register_module("ln1", layer_norm());
    f = register_module("f", Mlp());
    ln2 = register_module("ln2", layer_norm());
  }
  Tensor forward(Tensor x) {
    x = ln1(x + attn(is_bent ? x.tanh() : x));
    return ln2(x + f(x));
  }
  bool is_bent;
  Attention attn{nullptr};
  nn::LayerNorm ln1{nullptr}, ln2{nullptr};
  Mlp f{nullptr};
};

/// A trunk whose last output two stacks begin with.
struct Forked : Traced {
  explicit Forked(bool bent) : is_bent(bent) {
    torch::manual_seed(5);
    embed = register_module("embed", embedding());
    for (const char* name : {"trunk", "left", "right"}) {
      const auto list = register_module(name, nn::ModuleList());
      for (int i = 0; i < 2; ++i) {
        layers.push_back(std::make_shared<AfterImpl>(is_bent && name == std::string("right")));
        list->push_back(layers.back());
      }
    }
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) override {
    auto x = embed(tokens);
    note("embedding", x);
    for (int i = 0; i < 2; ++i) {
      x = layers[static_cast<std::size_t>(i)]->forward(x);
      note(numbered("trunk.", i), x);
    }
    auto y = x, z = x;
    for (int i = 0; i < 2; ++i) {
      y = layers[static_cast<std::size_t>(2 + i)]->forward(y);
      note(numbered("left.", i), y);
    }
    if (!is_bent) {  // else it is read at no place but that of trunk.1, and is that site
      note("right.embedding", z);
    }
    for (int i = 0; i < 2; ++i) {
      z = layers[static_cast<std::size_t>(4 + i)]->forward(z);
      note(numbered("right.", i), z);
    }
    return head(y + z);
  }
  bool is_bent;
  nn::Embedding embed{nullptr};
  std::vector<std::shared_ptr<AfterImpl>> layers;
  nn::Linear head{nullptr};
};

}  // namespace

TEST_CASE("two stacks begin with the normalised output of a third", "[hooks][streams]") {
  for (const bool is_bent : {false, true}) {
    CAPTURE(is_bent);
    Forked model(is_bent);
    require_streams(model);
  }
}
