// The other manners in which public trainers hold and write their blocks.
#include <torch/nn.h>

#include <infoplane/hooks/tap.hpp>

#include "hooks/blocks.hpp"

namespace infoplane::testing {

namespace nn = torch::nn;

namespace {

nn::LayerNorm layer_norm() { return nn::LayerNorm(nn::LayerNormOptions({kWidth})); }

/// A module tree with a function for its forward: enough for all manners below.
class Manner : public Model {
 public:
  using Forward = std::function<at::Tensor(const at::Tensor&, const std::function<void(std::string, at::Tensor)>&)>;

  Manner(std::shared_ptr<nn::Module> root, Forward forward, std::shared_ptr<std::string> dropped = nullptr)
      : root_(std::move(root)), forward_(std::move(forward)), dropped_(std::move(dropped)) {}
  const nn::Module& module() const override { return *root_; }
  at::Tensor forward(const at::Tensor& tokens) override {
    truth.clear();
    return forward_(tokens, [this](const std::string& name, const at::Tensor& x) { note(name, x); });
  }
  void change(const std::string& what) override {
    const std::string drop = "drop block ";
    if (!dropped_ || what.compare(0, drop.size(), drop) != 0) {
      Model::change(what);
    }
    *dropped_ = what.substr(drop.size());
  }

 private:
  std::shared_ptr<nn::Module> root_;
  Forward forward_;
  std::shared_ptr<std::string> dropped_;
};

struct PostNormBlockImpl : nn::Module {
  PostNormBlockImpl()
      : attention(register_module("attn", Attention())),
        ln1(register_module("ln1", layer_norm())),
        mlp(register_module("mlp", Mlp())),
        ln2(register_module("ln2", layer_norm())) {}
  at::Tensor forward(const at::Tensor& x) {  // [T, B, C]
    auto y = ln1(x + attention(x.transpose(0, 1)).transpose(0, 1));
    return ln2(y + mlp(y));
  }
  Attention attention;
  nn::LayerNorm ln1;
  Mlp mlp;
  nn::LayerNorm ln2;
};

struct ReorderedBlockImpl : nn::Module {
  ReorderedBlockImpl()
      : attention(register_module("attn", Attention())),
        mlp(register_module("mlp", Mlp())),
        ln1(register_module("ln1", layer_norm())),
        ln2(register_module("ln2", layer_norm())) {}
  at::Tensor forward(at::Tensor x) {
    x = x + ln1(attention(x));
    return x + ln2(mlp(x));
  }
  Attention attention;
  Mlp mlp;
  nn::LayerNorm ln1, ln2;
};

/// Blocks as above with [T, B, C] on the outside.
struct TimeFirstBlockImpl : ReorderedBlockImpl {
  at::Tensor forward(at::Tensor x) {
    x = x + ln1(attention(x.transpose(0, 1)).transpose(0, 1));
    return x + ln2(mlp(x));
  }
};

struct WeightlessNorm {
  bool rms;
  nn::LayerNorm norm = nn::LayerNorm(nn::LayerNormOptions({kWidth}).elementwise_affine(false));
  at::Tensor operator()(const at::Tensor& x) { return rms ? at::rms_norm(x, {kWidth}, c10::nullopt, 1e-6) : norm(x); }
};

struct WeightlessBlockImpl : nn::Module {
  explicit WeightlessBlockImpl(bool rms)
      : norm{rms}, attention(register_module("attn", Attention())), mlp(register_module("mlp", Mlp())) {}
  at::Tensor forward(at::Tensor x) {
    x = x + attention(norm(x));
    return x + mlp(norm(x));
  }
  WeightlessNorm norm;
  Attention attention;
  Mlp mlp;
};

struct RmsNormImpl : nn::Module {
  explicit RmsNormImpl(bool fused_) : fused(fused_), weight(register_parameter("weight", at::ones({kWidth}))) {}
  at::Tensor forward(const at::Tensor& x) {
    if (fused) {
      return at::rms_norm(x, {kWidth}, weight, 1e-6);
    }
    return weight * (x * at::rsqrt(x.square().mean(-1, true) + 1e-6));
  }
  bool fused;
  at::Tensor weight;
};
TORCH_MODULE(RmsNorm);

struct RmsBlockImpl : nn::Module {
  explicit RmsBlockImpl(bool fused)
      : attention(register_module("attention", Attention())),
        mlp(register_module("feed_forward", Mlp())),
        attention_norm(register_module("attention_norm", RmsNorm(fused))),
        ffn_norm(register_module("ffn_norm", RmsNorm(fused))) {}
  at::Tensor forward(const at::Tensor& x) {
    const auto h = x + attention(attention_norm(x));
    return h + mlp(ffn_norm(h));
  }
  Attention attention;
  Mlp mlp;
  RmsNorm attention_norm, ffn_norm;
};

struct SharedNormBlockImpl : nn::Module {
  explicit SharedNormBlockImpl(nn::LayerNorm norm)
      : ln(register_module("ln", std::move(norm))), mlp(register_module("mlp", Mlp())) {}
  at::Tensor forward(const at::Tensor& x) { return x + mlp(ln(x)); }
  nn::LayerNorm ln;
  Mlp mlp;
};

struct LoraLinearImpl : nn::Module {
  LoraLinearImpl()
      : base(register_module("base_layer", nn::Linear(kWidth, kWidth))),
        a(register_parameter("lora_A", at::randn({2, kWidth}))),
        b(register_parameter("lora_B", at::zeros({kWidth, 2}))) {
    for (auto& parameter : base->parameters()) {
      parameter.requires_grad_(false);
    }
  }
  at::Tensor forward(const at::Tensor& x) { return nn::functional::linear(x, base->weight + b.matmul(a), base->bias); }
  nn::Linear base;
  at::Tensor a, b;
};
TORCH_MODULE(LoraLinear);

struct LoraBlockImpl : nn::Module {
  LoraBlockImpl() : norm(register_module("norm", layer_norm())), map(register_module("map", LoraLinear())) {}
  at::Tensor forward(const at::Tensor& x) { return x + at::gelu(map(norm(x))); }
  nn::LayerNorm norm;
  LoraLinear map;
};

nn::Embedding add_embedding(nn::Module& root) {
  return root.register_module("embed", nn::Embedding(kVocabulary, kWidth));
}

nn::Linear add_head(nn::Module& root) { return root.register_module("head", nn::Linear(kWidth, kVocabulary)); }

/// Embedding, `layers` blocks of one kind under `container`, an optional final norm, head.
template <typename Block, typename... Args>
std::unique_ptr<Model> make_stacked(const std::string& container, bool final_norm, Args... args) {
  auto root = std::make_shared<TreeImpl>();
  const auto embed = add_embedding(*root);
  const auto dot = container.find('.');
  std::shared_ptr<nn::Module> list = root;
  if (dot != std::string::npos) {
    list = root->register_module(container.substr(0, dot), std::make_shared<TreeImpl>());
  }
  const auto prefix = container.substr(dot + 1);  // all of it without a dot
  std::vector<std::shared_ptr<Block>> blocks;
  for (int i = 0; i < 3; ++i) {
    blocks.push_back(list->register_module(prefix + std::to_string(i), std::make_shared<Block>(args...)));
  }
  nn::LayerNorm norm{nullptr};
  if (final_norm) {
    norm = root->register_module("norm", layer_norm());
  }
  const auto head = add_head(*root);
  const auto dropped = std::make_shared<std::string>();
  return std::make_unique<Manner>(
      root,
      [embed = embed, blocks, norm = norm, head = head, container, dropped](const auto& tokens,
                                                                            const auto& note) mutable {
        auto x = embed(tokens);
        note("embedding", x);
        for (std::size_t i = 0; i < blocks.size(); ++i) {
          if (std::to_string(i) != *dropped) {
            x = blocks[i]->forward(x);
            note(container + std::to_string(i), x);
          }
        }
        return head(norm ? norm(x) : x);
      },
      dropped);
}

/// The same with [T, B, C] and no final norm; numbered children are registered in reversed order.
template <typename Block>
std::unique_ptr<Model> make_time_first_stack(const std::string& container, bool reversed) {
  auto root = std::make_shared<TreeImpl>();
  const auto embed = add_embedding(*root);
  const auto dot = container.find('.');
  auto list =
      dot == std::string::npos ? root : root->register_module(container.substr(0, dot), std::make_shared<TreeImpl>());
  const auto prefix = container.substr(dot + 1);
  std::vector<std::shared_ptr<Block>> blocks(3);
  for (int i = 0; i < 3; ++i) {
    const int number = reversed ? 2 - i : i;
    blocks[number] = list->register_module(prefix + std::to_string(number), std::make_shared<Block>());
  }
  const auto head = add_head(*root);
  return std::make_unique<Manner>(
      root, [embed = embed, blocks, head = head, container](const auto& tokens, const auto& note) mutable {
        auto x = embed(tokens.t());
        note("embedding", x);
        for (std::size_t i = 0; i < blocks.size(); ++i) {
          x = blocks[i]->forward(x);
          note(container + std::to_string(i), x);
        }
        return head(x.transpose(0, 1));
      });
}

}  // namespace

std::unique_ptr<Model> make_sequential() {
  auto root = std::make_shared<TreeImpl>();
  nn::Sequential net = root->register_module("net", nn::Sequential(nn::Embedding(kVocabulary, kWidth), Block(), Block(),
                                                                   layer_norm(), nn::Linear(kWidth, kVocabulary)));
  return std::make_unique<Manner>(root, [net](const auto& tokens, const auto& note) mutable {
    at::Tensor x = tokens;
    const std::vector<std::string> names = {"embedding", "net.1", "net.2"};
    std::size_t i = 0;
    for (auto& module : *net) {
      x = module.forward(x);
      if (i < names.size()) {
        note(names[i], x);
      }
      ++i;
    }
    return x;
  });
}

std::unique_ptr<Model> make_module_list() {
  auto root = std::make_shared<TreeImpl>();
  auto inner = root->register_module("transformer", std::make_shared<TreeImpl>());
  const auto embed = add_embedding(*inner);
  const nn::ModuleList list = inner->register_module("h", nn::ModuleList(Block(), Block(), Block()));
  const nn::LayerNorm norm = inner->register_module("ln_f", layer_norm());
  const auto head = add_head(*root);
  return std::make_unique<Manner>(
      root, [embed = embed, list = list, norm = norm, head = head](const auto& tokens, const auto& note) mutable {
        auto x = embed(tokens);
        note("embedding", x);
        for (std::size_t i = 0; i < list->size(); ++i) {
          x = list[i]->template as<BlockImpl>()->forward(x);
          note("transformer.h." + std::to_string(i), x);
        }
        return head(norm(x));
      });
}

std::unique_ptr<Model> make_numbered() {
  auto root = std::make_shared<TreeImpl>();
  const auto head = add_head(*root);
  const nn::LayerNorm norm = root->register_module("final", layer_norm());
  std::vector<Block> blocks(3, nullptr);
  for (int i = 2; i >= 0; --i) {
    blocks[i] = root->register_module("block" + std::to_string(i), Block());
  }
  const auto embed = add_embedding(*root);
  return std::make_unique<Manner>(
      root, [embed = embed, blocks, norm = norm, head = head](const auto& tokens, const auto& note) mutable {
        auto x = embed(tokens);
        note("embedding", x);
        for (std::size_t i = 0; i < blocks.size(); ++i) {
          x = blocks[i](x);
          note("block" + std::to_string(i), x);
        }
        return head(norm(x));
      });
}

std::unique_ptr<Model> make_post_norm() { return make_time_first_stack<PostNormBlockImpl>("layers.", false); }

std::unique_ptr<Model> make_numbered_post_norm() { return make_time_first_stack<PostNormBlockImpl>("block", true); }

std::unique_ptr<Model> make_time_first() { return make_time_first_stack<TimeFirstBlockImpl>("layers.", false); }

std::unique_ptr<Model> make_weightless_norm(bool rms) {
  auto root = std::make_shared<TreeImpl>();
  const auto embed = add_embedding(*root);
  auto list = root->register_module("blocks", std::make_shared<TreeImpl>());
  std::vector<std::shared_ptr<WeightlessBlockImpl>> blocks;
  for (int i = 0; i < 3; ++i) {
    blocks.push_back(list->register_module(std::to_string(i), std::make_shared<WeightlessBlockImpl>(rms)));
  }
  const auto head = add_head(*root);
  return std::make_unique<Manner>(root, [embed = embed, blocks, head = head, norm = WeightlessNorm{rms}](
                                            const auto& tokens, const auto& note) mutable {
    auto x = embed(tokens) + 3;  // far from centred
    note("embedding", x);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      x = blocks[i]->forward(x);
      note("blocks." + std::to_string(i), x);
    }
    return head(norm(x));
  });
}

std::unique_ptr<Model> make_encoder() {
  auto root = std::make_shared<TreeImpl>();
  const auto embed = add_embedding(*root);
  const nn::TransformerEncoder encoder = root->register_module(
      "encoder", nn::TransformerEncoder(nn::TransformerEncoderOptions(
                     nn::TransformerEncoderLayerOptions(kWidth, 2).dim_feedforward(16).dropout(0), 2)));
  const auto head = add_head(*root);
  return std::make_unique<Manner>(
      root, [embed = embed, encoder = encoder, head = head](const auto& tokens, const auto& note) mutable {
        auto x = embed(tokens.t());
        note("embedding", x);
        const auto out = encoder(x);
        note("encoder.layers.1", out);
        return head(out.transpose(0, 1));
      });
}

std::unique_ptr<Model> make_rms_norm(bool fused) { return make_stacked<RmsBlockImpl>("layers.", true, fused); }

std::unique_ptr<Model> make_reordered_norm() { return make_stacked<ReorderedBlockImpl>("blocks.", true); }

std::unique_ptr<Model> make_shared_norm() { return make_stacked<SharedNormBlockImpl>("blocks.", true, layer_norm()); }

std::unique_ptr<Model> make_lora() { return make_stacked<LoraBlockImpl>("base_model.blocks_", true); }

std::unique_ptr<Model> make_shared_block() {
  auto root = std::make_shared<TreeImpl>();
  const auto embed = add_embedding(*root);
  const Block block = root->register_module("layer0", Block());
  const nn::LayerNorm norm = root->register_module("norm", layer_norm());
  const auto head = add_head(*root);
  return std::make_unique<Manner>(
      root, [embed = embed, block = block, norm = norm, head = head](const auto& tokens, const auto& note) mutable {
        auto x = embed(tokens);
        note("embedding", x);
        for (const auto* name : {"layer0", "layer0#1", "layer0#2"}) {
          x = block(x);
          note(name, x);
        }
        return head(norm(x));
      });
}

std::unique_ptr<Model> make_unregistered(bool taps) {
  auto root = std::make_shared<TreeImpl>();
  nn::Embedding embed(kVocabulary, kWidth);
  nn::Linear head(kWidth, kVocabulary);
  std::vector<BlockImpl> blocks(2);
  return std::make_unique<Manner>(
      root, [embed, blocks, head, taps, norm = layer_norm()](const auto& tokens, const auto& note) mutable {
        auto x = embed(tokens);
        for (auto& block : blocks) {
          note("norms", x);
          x = block.forward(x);
          note("norms", block.middle);
          if (taps) {
            x = infoplane::tap("blocks", x);
          }
        }
        note("norms", x);
        return head(norm(x));
      });
}

std::unique_ptr<Model> make_bare_blocks() {
  auto root = std::make_shared<TreeImpl>();
  std::vector<Block> blocks;
  for (int i = 0; i < 2; ++i) {
    blocks.push_back(root->register_module("blocks_" + std::to_string(i), Block()));
  }
  return std::make_unique<Manner>(root, [blocks](const auto& tokens, const auto& note) mutable {
    at::Tensor x = nn::functional::one_hot(tokens.remainder(kWidth), kWidth).to(at::kFloat);
    note("embedding", x);
    x = blocks[0](x);
    note("blocks_0", x);
    return blocks[1](x);
  });
}

}  // namespace infoplane::testing
