// Llama-like, with a hand-written RMSNorm. No operator has the stream as such; the product with the gain has the
// normalised stream, which points in the same direction, and soft entropy sees only directions.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct RMSNormImpl : nn::Module {
  RMSNormImpl() { weight = register_parameter("weight", torch::ones({kWidth})); }
  Tensor forward(const Tensor& x) {
    const auto wide = x.to(torch::kFloat);
    return (wide * torch::rsqrt(wide.pow(2).mean(-1, true) + 1e-6)).type_as(x) * weight;
  }
  Tensor weight;
};
TORCH_MODULE(RMSNorm);

struct LayerImpl : nn::Module {
  LayerImpl() {
    attention = register_module("attention", Attention());
    feed_forward = register_module("feed_forward", Mlp());
    attention_norm = register_module("attention_norm", RMSNorm());
    ffn_norm = register_module("ffn_norm", RMSNorm());
  }
  Tensor forward(const Tensor& x) {
    const auto h = x + attention(attention_norm(x));
    return h + feed_forward(ffn_norm(h));
  }
  Attention attention{nullptr};
  Mlp feed_forward{nullptr};
  RMSNorm attention_norm{nullptr}, ffn_norm{nullptr};
};

struct Net : nn::Module {
  Net() {
    tok_embeddings = register_module("tok_embeddings", embedding());
    const auto list = register_module("layers", std::make_shared<TreeImpl>());
    for (int i = 0; i < 3; ++i) {
      layers.push_back(list->register_module(std::to_string(i), std::make_shared<LayerImpl>()));
    }
    norm = register_module("norm", RMSNorm());
    output = register_module("output", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto h = tok_embeddings(tokens);
    witness("embedding", h);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      h = layers[i]->forward(h);
      witness(numbered("layers.", i), h);
    }
    return output(norm(h));
  }
  nn::Embedding tok_embeddings{nullptr};
  std::vector<std::shared_ptr<LayerImpl>> layers;
  RMSNorm norm{nullptr};
  nn::Linear output{nullptr};
};

template <typename Monitor>
Losses train() {
  Net model;
  torch::optim::AdamW optimizer(model.parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [inputs, targets] = batch(step);
    auto observation = monitor.observe(step, inputs, targets);
    const auto loss = loss_of(model.forward(inputs), targets);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    monitor.end_step(step, loss);
    losses.push_back(loss.item<float>());
  }
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: a hand-written RMSNorm", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  constexpr auto kStream = infoplane::hooks::SiteKind::kNormalisedStream;
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>,
        {.blocks = kStream, .embedding = kStream});
}
