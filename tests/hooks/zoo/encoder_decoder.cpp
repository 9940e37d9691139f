// A source is read by an encoder, and a decoder attends to it; the source is longer, or as long as the target.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct DecoderBlockImpl : nn::Module {
  DecoderBlockImpl() {
    ln1 = register_module("ln1", layer_norm());
    attn = register_module("attn", Attention());
    ln2 = register_module("ln2", layer_norm());
    query = register_module("query", nn::Linear(kWidth, kWidth));
    key_value = register_module("key_value", nn::Linear(kWidth, 2 * kWidth));
    ln3 = register_module("ln3", layer_norm());
    mlp = register_module("mlp", Mlp());
  }
  Tensor forward(Tensor x, const Tensor& memory) {
    x = x + attn(ln1(x));
    const auto parts = key_value(memory).chunk(2, -1);
    x = x + query(ln2(x)).matmul(parts[0].transpose(1, 2)).softmax(-1).matmul(parts[1]);
    return x + mlp(ln3(x));
  }
  nn::LayerNorm ln1{nullptr}, ln2{nullptr}, ln3{nullptr};
  Attention attn{nullptr};
  nn::Linear query{nullptr}, key_value{nullptr};
  Mlp mlp{nullptr};
};
TORCH_MODULE(DecoderBlock);

struct NetImpl : nn::Module {
  NetImpl() {
    from = register_module("from", embedding());
    to = register_module("to", embedding());
    encoder = register_module("encoder", nn::ModuleList(Block(kDropout), Block(kDropout)));
    encoder_norm = register_module("encoder_norm", layer_norm());
    decoder = register_module("decoder", nn::ModuleList(DecoderBlock(), DecoderBlock()));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& source, const Tensor& target) {
    auto memory = from(source);
    witness("embedding", memory);
    for (std::size_t i = 0; i < encoder->size(); ++i) {
      memory = encoder[i]->as<Block>()->forward(memory);
      witness(numbered("encoder.", i), memory);
    }
    memory = encoder_norm(memory);
    auto x = to(target);
    witness("decoder.embedding", x);
    for (std::size_t i = 0; i < decoder->size(); ++i) {
      x = decoder[i]->as<DecoderBlock>()->forward(x, memory);
      witness(numbered("decoder.", i), x);
    }
    return head(norm(x));
  }
  nn::Embedding from{nullptr}, to{nullptr};
  nn::ModuleList encoder{nullptr}, decoder{nullptr};
  nn::LayerNorm encoder_norm{nullptr}, norm{nullptr};
  nn::Linear head{nullptr};
};
TORCH_MODULE(Net);

template <typename Monitor, int64_t kMore>
Losses train() {
  Net model;
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [target, next] = batch(step);
    const auto source = torch::cat({target.flip(1), next.narrow(1, 0, kMore)}, 1);
    auto observation = monitor.observe(step, BatchDetails().tokens({{"encoder*", source}, {"decoder*", target, next}}));
    const auto loss = loss_of(model->forward(source, target), next);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    monitor.end_step(step, loss);
    losses.push_back(loss.template item<float>());
  }
  return losses;
}

}  // namespace
}  // namespace infoplane::zoo

TEST_CASE("zoo: an encoder and a decoder", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor, 0>, train<RecordingMonitor, 0>, train<infoplane::Monitor, 0>);
  check(__FILE__, train<NoMonitor, 3>, train<RecordingMonitor, 3>, train<infoplane::Monitor, 3>);
  const auto& point = RecordingMonitor::points.back();
  REQUIRE(point.groups.size() == 2);
  REQUIRE(point.layer("encoder.0")->tokens == 3 * 9);
  REQUIRE(point.layer("decoder.0")->tokens == 3 * 6);
  REQUIRE(point.mean.at("I(Y;Z)/output_unigram") == point.layer("decoder")->metrics.at("I(Y;Z)/output_unigram"));
}
