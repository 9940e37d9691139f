// A TorchScript module, as torch::jit::load gives it: exported from Python, trained from C++.
#include <torch/csrc/jit/serialization/import.h>

#include <sstream>

#include "hooks/scripts.hpp"
#include "hooks/zoo/zoo.hpp"

namespace infoplane::zoo {
namespace {

torch::jit::Module load_model() {
  std::stringstream file;
  testing::make_script(testing::ScriptBlock::kPreNorm).save(file);
  return torch::jit::load(file);
}

/// Another method of the script hands out the streams of the same forward, unseen.
void witness_streams(torch::jit::Module& model, const Tensor& tokens) {
  const torch::NoGradGuard no_grad;
  const at::DisableRecordFunctionGuard unseen;
  const auto streams = model.get_method("streams")({tokens}).toTensorVector();
  for (std::size_t i = 0; i < streams.size(); ++i) {
    witness(i == 0 ? "embedding" : numbered("blocks.", static_cast<int64_t>(i) - 1), streams[i]);
  }
}

template <typename Monitor>
Losses train() {
  auto model = load_model();
  std::vector<Tensor> parameters;
  for (const auto& parameter : model.parameters()) {
    parameters.push_back(parameter);
  }
  torch::optim::AdamW optimizer(parameters, 1e-2);
  Monitor monitor(model, MonitorOptions().every(1));
  Losses losses;
  for (int64_t step = 0; step < kSteps; ++step) {
    const auto [inputs, targets] = batch(step);
    auto observation = monitor.observe(step, inputs, targets);
    witness_streams(model, inputs);
    const auto loss = loss_of(model.forward({inputs}).toTensor(), targets);
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

TEST_CASE("zoo: a TorchScript module", "[zoo]") {
  using namespace infoplane::zoo;  // NOLINT(google-build-using-namespace)
  check(__FILE__, train<NoMonitor>, train<RecordingMonitor>, train<infoplane::Monitor>);
}
