// Adapters: every Linear of a frozen model is replaced by a wrapper, which renames its parameters, and the whole is
// wrapped again. The monitor is made after that, or told by rescan(): then the final norm too gets replaced by one that
// is trained.
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

struct LoraLinearImpl : nn::Module {
  explicit LoraLinearImpl(nn::Linear linear) {
    base_layer = register_module("base_layer", std::move(linear));
    lora_a = register_module("lora_A", nn::Linear(nn::LinearOptions(base_layer->options.in_features(), 2).bias(false)));
    lora_b =
        register_module("lora_B", nn::Linear(nn::LinearOptions(2, base_layer->options.out_features()).bias(false)));
    nn::init::zeros_(lora_b->weight);
  }
  Tensor forward(const Tensor& x) { return base_layer(x) + lora_b(lora_a(x)) * 0.5; }
  nn::Linear base_layer{nullptr}, lora_a{nullptr}, lora_b{nullptr};
};
TORCH_MODULE(LoraLinear);

struct LayerImpl : nn::Module {
  LayerImpl() {
    norm = register_module("norm", layer_norm());
    up = register_module("up", nn::AnyModule(nn::Linear(kWidth, 16)).ptr());
    down = register_module("down", nn::AnyModule(nn::Linear(16, kWidth)).ptr());
  }
  Tensor forward(const Tensor& x) { return x + apply(down, torch::gelu(apply(up, norm(x)))); }
  static Tensor apply(const std::shared_ptr<nn::Module>& map, const Tensor& x) {
    auto* adapted = map->as<LoraLinear>();
    return adapted != nullptr ? adapted->forward(x) : map->as<nn::Linear>()->forward(x);
  }
  void adapt() {
    up = replace_module("up", LoraLinear(nn::Linear(std::dynamic_pointer_cast<nn::LinearImpl>(up))).ptr());
    down = replace_module("down", LoraLinear(nn::Linear(std::dynamic_pointer_cast<nn::LinearImpl>(down))).ptr());
  }
  nn::LayerNorm norm{nullptr};
  std::shared_ptr<nn::Module> up, down;
};
TORCH_MODULE(Layer);

struct NetImpl : nn::Module {
  NetImpl() {
    embed = register_module("embed", embedding());
    layers = register_module("layers", nn::ModuleList(Layer(), Layer()));
    norm = register_module("norm", layer_norm());
    head = register_module("head", output_head());
  }
  Tensor forward(const Tensor& tokens) {
    auto x = embed(tokens);
    witness("embedding", x);
    for (std::size_t i = 0; i < layers->size(); ++i) {
      x = layers[i]->as<Layer>()->forward(x);
      witness(numbered("base_model.model.layers.", i), x);
    }
    return head(norm(x));
  }
  nn::Embedding embed{nullptr};
  nn::ModuleList layers{nullptr};
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
};
TORCH_MODULE(Net);

template <typename Monitor, bool kWrappedLater>
Losses train() {
  Net model;
  for (auto& parameter : model->parameters()) {
    parameter.requires_grad_(false);
  }
  const auto adapt = [&] {
    for (const auto& layer : *model->layers) {
      layer->as<Layer>()->adapt();
    }
  };
  if (!kWrappedLater) {
    adapt();
  }
  TreeImpl adapted;
  adapted.register_module("base_model", std::make_shared<TreeImpl>())->register_module("model", model);
  Monitor monitor(adapted, MonitorOptions().every(1));
  if (kWrappedLater) {
    adapt();
    model->norm = model->replace_module("norm", layer_norm());
    monitor.rescan();
  }
  torch::optim::AdamW optimizer(adapted.parameters(), 1e-2);
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [inputs, targets] = batch(step);
    auto observation = monitor.observe(step, inputs, targets);
    const auto loss = loss_of(model->forward(inputs), targets);
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

TEST_CASE("zoo: a frozen base wrapped with adapters", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  const Promise promise{.rescans = 1};
  check(__FILE__, train<NoMonitor, false>, train<RecordingMonitor, false>, train<infoplane::Monitor, false>, promise);
  check(__FILE__, train<NoMonitor, true>, train<RecordingMonitor, true>, train<infoplane::Monitor, true>, promise);
}
