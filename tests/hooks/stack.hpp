#pragma once

#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {

/// Embedding, `layers.0` …, final norm and head, for trainers whose blocks alone are unusual.
template <typename Layer>
struct Stack : nn::Module {
  /// `make(i)` gives layer i.
  template <typename Make>
  Stack(int count, Make make) {
    embed = register_module("embed", embedding());
    const auto list = register_module("layers", std::make_shared<TreeImpl>());
    for (int i = 0; i < count; ++i) {
      layers.push_back(list->register_module(std::to_string(i), std::shared_ptr<Layer>(make(i))));
    }
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->forward(x);
      witness(numbered("layers.", static_cast<int64_t>(i)), x);
    }
    return head(norm(x));
  }

  nn::Embedding embed{nullptr};
  std::vector<std::shared_ptr<Layer>> layers;
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};

}  // namespace infoplane::zoo
