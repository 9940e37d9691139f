// A TransformerEncoder of one layer, and the layer that it was copied from registered as well.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct Net : nn::Module {
  Net() {
    embed = register_module("embed", embedding());
    layer = register_module(
        "encoder_layer",
        nn::TransformerEncoderLayer(nn::TransformerEncoderLayerOptions(kWidth, 2).dim_feedforward(16).dropout(0)));
    encoder = register_module("encoder", nn::TransformerEncoder(layer, 1));
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens.t());
    witness("embedding", x);
    {  // the encoder's only layer by itself, unseen
      const torch::NoGradGuard no_grad;
      const at::DisableRecordFunctionGuard unseen;
      witness("encoder.layers.0", encoder->layers[0]->as<nn::TransformerEncoderLayer>()->forward(x));
    }
    return head(encoder(x)).transpose(0, 1);
  }
  nn::Embedding embed{nullptr};
  nn::TransformerEncoderLayer layer{nullptr};
  nn::TransformerEncoder encoder{nullptr};
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

TEST_CASE("zoo: an encoder of one layer, beside its template", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>,
        {.blocks = infoplane::hooks::SiteKind::kNormOutput, .embedding = infoplane::hooks::SiteKind::kLinearInput});
}
