// Blocks return a tuple with an optional key-value cache, and the model a pair. Training passes no cache; in
// the middle of the step the model decodes a few tokens with one.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

using Cache = std::pair<Tensor, Tensor>;

struct LayerImpl : nn::Module {
  LayerImpl() {
    input_norm = register_module("input_norm", layer_norm());
    query = register_module("query", nn::Linear(kWidth, kWidth));
    key = register_module("key", nn::Linear(kWidth, kWidth));
    value = register_module("value", nn::Linear(kWidth, kWidth));
    post_norm = register_module("post_norm", layer_norm());
    mlp = register_module("mlp", Mlp());
  }

  std::tuple<Tensor, std::optional<Cache>> forward(const Tensor& x, std::optional<Cache> past, bool use_cache) {
    const auto normed = input_norm(x);
    auto k = key(normed);
    auto v = value(normed);
    if (past) {
      k = torch::cat({past->first, k}, 1);
      v = torch::cat({past->second, v}, 1);
    }
    const auto mixed = at::scaled_dot_product_attention(query(normed), k, v, {}, 0.0, /*is_causal=*/!past);
    const auto h = x + mixed;
    return {h + mlp(post_norm(h)), use_cache ? std::optional(Cache(k, v)) : std::nullopt};
  }

  nn::LayerNorm input_norm{nullptr}, post_norm{nullptr};
  nn::Linear query{nullptr}, key{nullptr}, value{nullptr};
  Mlp mlp{nullptr};
};
TORCH_MODULE(Layer);

struct NetImpl : nn::Module {
  NetImpl() {
    embed = register_module("embed_tokens", embedding());
    layers = register_module("layers", nn::ModuleList(Layer(), Layer()));
    norm = register_module("norm", layer_norm());
    head = register_module("lm_head", output_head());
  }

  using Caches = std::vector<std::optional<Cache>>;

  std::pair<Tensor, Caches> forward(const Tensor& tokens, bool use_cache = false, const Caches& past = {}) {
    auto x = embed(tokens);
    witness("embedding", x);
    Caches caches(layers->size());
    for (std::size_t i = 0; i < layers->size(); ++i) {
      std::tie(x, caches[i]) = layers[i]->as<Layer>()->forward(x, past.empty() ? std::nullopt : past[i], use_cache);
      witness(numbered("layers.", i), x);
    }
    return {head(norm(x)), caches};
  }

  Tensor decode(const Tensor& prompt, int64_t count) {
    const torch::NoGradGuard no_grad;
    auto [logits, caches] = forward(prompt, true);
    std::vector<Tensor> tokens;
    for (int64_t i = 0; i < count; ++i) {
      tokens.push_back(logits.select(1, -1).argmax(-1, true));
      std::tie(logits, caches) = forward(tokens.back(), true, caches);
    }
    return torch::cat(tokens, 1);
  }

  nn::Embedding embed{nullptr};
  nn::ModuleList layers{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};
TORCH_MODULE(Net);

template <typename Monitor>
Losses train() {
  Net model;
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [inputs, targets] = batch(step);
    auto observation = monitor.observe(step, inputs, targets);
    const auto [logits, caches] = model->forward(inputs, /*use_cache=*/step % 2 == 1);
    const auto loss = loss_of(logits, targets);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    const auto score = model->decode(inputs.slice(1, 0, 3), 3).sum().template item<float>();
    monitor.end_step(step, loss);
    losses.push_back(loss.template item<float>() + score);
  }
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: tuples with optional caches", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
