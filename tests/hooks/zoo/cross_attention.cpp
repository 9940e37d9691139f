// A decoder that attends to a memory: its blocks read two streams, of which the residual one counts. The memory has the
// same shape, and goes through a norm and maps of each block before the stream does.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct CrossAttentionImpl : nn::Module {
  CrossAttentionImpl() {
    query = register_module("query", nn::Linear(kWidth, kWidth));
    pair = register_module("pair", nn::Linear(kWidth, 2 * kWidth));
    out = register_module("out", nn::Linear(kWidth, kWidth));
  }
  Tensor forward(const Tensor& x, const Tensor& memory) {
    const auto parts = pair(memory).chunk(2, -1);
    return out(query(x).matmul(parts[0].transpose(-2, -1)).softmax(-1).matmul(parts[1]));
  }
  nn::Linear query{nullptr}, pair{nullptr}, out{nullptr};
};
TORCH_MODULE(CrossAttention);

struct LayerImpl : nn::Module {
  explicit LayerImpl(bool memory_first_) : memory_first(memory_first_) {
    norm_of_memory = register_module("norm_of_memory", layer_norm());
    ln1 = register_module("ln1", layer_norm());
    attn = register_module("attn", Attention());
    ln2 = register_module("ln2", layer_norm());
    cross = register_module("cross", CrossAttention());
    ln3 = register_module("ln3", layer_norm());
    mlp = register_module("mlp", Mlp());
  }
  Tensor forward(Tensor x, const Tensor& memory) {
    const auto read = norm_of_memory(memory);
    if (!memory_first) {
      x = x + dropout(attn(ln1(x)));
    }
    x = x + dropout(cross(ln2(x), read));
    if (memory_first) {
      x = x + dropout(attn(ln1(x)));
    }
    return x + mlp(ln3(x));
  }
  bool memory_first;
  nn::LayerNorm norm_of_memory{nullptr}, ln1{nullptr}, ln2{nullptr}, ln3{nullptr};
  Attention attn{nullptr};
  CrossAttention cross{nullptr};
  Mlp mlp{nullptr};
  nn::Dropout dropout{kDropout};
};

struct Net : nn::Module {
  Net() {
    embed = register_module("embed", embedding());
    source = register_module("source", embedding());
    const auto list = register_module("layers", std::make_shared<TreeImpl>());
    for (int i = 0; i < 4; ++i) {
      layers.push_back(list->register_module(std::to_string(i), std::make_shared<LayerImpl>(i % 2 == 1)));
    }
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    const auto memory = source(tokens.flip(1));  // [B, T, C], as large as the stream
    auto x = embed(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i]->forward(x, memory);
      witness(numbered("layers.", static_cast<int64_t>(i)), x);
    }
    return head(norm(x));
  }
  nn::Embedding embed{nullptr}, source{nullptr};
  std::vector<std::shared_ptr<LayerImpl>> layers;
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
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

TEST_CASE("zoo: a decoder that attends to a memory", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
