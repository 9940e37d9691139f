#pragma once

#include "hooks/zoo/zoo.hpp"

/// Small models of many kinds, each of which notes by itself what its streams are.
namespace infoplane::streams {

namespace F = torch::nn::functional;
namespace nn = torch::nn;
using hooks::Site;
using hooks::Watcher;
using hooks::WatchOptions;
using testing::Attention;
using testing::Block;
using testing::kVocabulary;
using testing::kWidth;
using testing::Mlp;
using testing::TreeImpl;
using torch::Tensor;
using zoo::embedding;
using zoo::layer_norm;
using zoo::numbered;
using zoo::output_head;

/// A model that notes its streams in the order of the forward.
struct Traced : nn::Module {
  virtual Tensor forward(const Tensor& tokens) = 0;
  void note(const std::string& name, const Tensor& stream) { truth.emplace_back(name, stream.detach().clone()); }

  std::vector<std::pair<std::string, Tensor>> truth;
};

struct Captured {
  std::vector<std::pair<Site, Tensor>> streams;
};

/// One forward inside a scope.
Captured observe(Watcher& watcher, Traced& model, int64_t step = 0);

/// In three passes (with gradients, without, and with) each noted stream comes once under its name, bit by bit (a
/// normalised stream: in its direction), nothing else that counts as the output of a block, blocks have the indices 0,
/// 1, … in the order of the forward, and the watcher is content.
void require_streams(Traced& model, const WatchOptions& options = {});

/// The first observed pass shows too little: an error that has each of the texts.
void require_doubt(Traced& model, const std::vector<std::string>& texts, const WatchOptions& options = {});

nn::LayerNorm bare_norm();  ///< LayerNorm without weight and bias

/// Embedding, `layers.0` …, and behind them a final norm and a head, as asked for.
template <typename Layer>
struct Net : Traced {
  struct Form {
    int layers = 3;
    bool has_norm = true;
    bool has_head = true;
  };

  template <typename... Arguments>
  explicit Net(Form form = {}, Arguments... arguments) {
    torch::manual_seed(7);
    embed = register_module("embed", embedding());
    list = register_module("layers", nn::ModuleList());
    for (int i = 0; i < form.layers; ++i) {
      layers.push_back(std::make_shared<Layer>(arguments...));
      list->push_back(layers.back());
    }
    if (form.has_norm) {
      norm = register_module("norm", layer_norm());
    }
    if (form.has_head) {
      head = register_module("head", output_head());
    }
  }

  Tensor forward(const Tensor& tokens) override {
    truth.clear();
    auto x = embed(tokens);
    note("embedding", x);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->forward(x);
      note(numbered("layers.", static_cast<int64_t>(i)), x);
    }
    return end(x);
  }

  Tensor end(Tensor x) {
    x = norm ? norm(x) : x;
    return head ? head(x) : x;
  }

  nn::Embedding embed{nullptr};
  nn::ModuleList list{nullptr};
  std::vector<std::shared_ptr<Layer>> layers;
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

}  // namespace infoplane::streams
