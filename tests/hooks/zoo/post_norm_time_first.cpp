// As in the first transformer: norms behind the additions, activations of layout (T, B, C), a head without norm. The
// tokens come as [B, T], or of that layout as [T, B].
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct LayerImpl : nn::Module {
  LayerImpl() {
    self_attn = register_module("self_attn", nn::MultiheadAttention(kWidth, 2));
    linear1 = register_module("linear1", nn::Linear(kWidth, 16));
    linear2 = register_module("linear2", nn::Linear(16, kWidth));
    norm1 = register_module("norm1", layer_norm());
    norm2 = register_module("norm2", layer_norm());
    dropout = register_module("dropout", nn::Dropout(kDropout));
  }
  Tensor forward(Tensor x, const Tensor& mask) {  // [T, B, C]
    x = norm1(x + dropout(std::get<0>(self_attn(x, x, x, Tensor(), /*need_weights=*/false, mask))));
    return norm2(x + dropout(linear2(torch::relu(linear1(x)))));
  }
  nn::MultiheadAttention self_attn{nullptr};
  nn::Linear linear1{nullptr}, linear2{nullptr};
  nn::LayerNorm norm1{nullptr}, norm2{nullptr};
  nn::Dropout dropout{nullptr};
};
TORCH_MODULE(Layer);

struct NetImpl : nn::Module {
  NetImpl() {
    embed = register_module("embed", embedding());
    layers = register_module("layers", nn::ModuleList(Layer(), Layer()));
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {  // [T, B]
    auto x = embed(tokens);
    witness("embedding", x);
    const auto mask = torch::full({x.size(0), x.size(0)}, -1e9).triu(1);
    for (std::size_t i = 0; i < layers->size(); ++i) {
      x = layers[i]->as<Layer>()->forward(x, mask);
      witness(numbered("layers.", i), x);
    }
    return head(x);  // [T, B, vocabulary]
  }
  nn::Embedding embed{nullptr};
  nn::ModuleList layers{nullptr};
  nn::Linear head{nullptr};
};
TORCH_MODULE(Net);

template <typename Monitor, bool kTimeMajor>
Losses train() {
  Net model;
  torch::optim::AdamW optimizer(model->parameters(), 1e-2);
  Monitor monitor(model, MonitorOptions().every(1).time_major(kTimeMajor));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto text = batch(step);
    const auto inputs = kTimeMajor ? text.first.t().contiguous() : text.first;
    const auto targets = kTimeMajor ? text.second.t().contiguous() : text.second;
    auto observation = monitor.observe(step, inputs, targets);
    const auto logits = kTimeMajor ? model->forward(inputs) : model->forward(inputs.t()).transpose(0, 1);
    const auto loss = loss_of(logits, targets);
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

TEST_CASE("zoo: post-norm blocks of layout (T, B, C)", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  using infoplane::hooks::SiteKind;
  const Promise promise{.blocks = SiteKind::kNormOutput, .embedding = SiteKind::kLinearInput};
  check(__FILE__, train<NoMonitor, false>, train<RecordingMonitor, false>, train<infoplane::Monitor, false>, promise);
  const auto batch_first = RecordingMonitor::points;
  check(__FILE__, train<NoMonitor, true>, train<RecordingMonitor, true>, train<infoplane::Monitor, true>, promise);
  const auto& time_first = RecordingMonitor::points;
  REQUIRE(batch_first.size() == time_first.size());
  const auto& expected = batch_first.front().layers;  // before the order of sums makes the runs drift apart
  for (std::size_t i = 0; i < expected.size(); ++i) {
    for (const auto* key : {"H(Z)", "I(X;Z)/input_unigram", "I(X;Z)/input_bigram", "I(Y;Z)/output_bigram"}) {
      INFO(expected[i].name << ' ' << key);
      const auto value = expected[i].metrics.at(key);
      REQUIRE(value > 0);
      REQUIRE(time_first.front().layers[i].metrics.at(key) == Catch::Approx(value).epsilon(1e-4));
    }
  }
}
