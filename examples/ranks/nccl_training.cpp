#include "nccl_training.hpp"

#include <infoplane/distributed/nccl.hpp>
#include <infoplane/infoplane.hpp>
#include <memory>
#include <stdexcept>
#include <vector>

#include "model.hpp"
#include "training.hpp"

namespace ranks_nccl {
namespace {

void broadcast_weights(const train_text::GPT& model, ncclComm_t communicator, cudaStream_t stream) {
  for (const auto& parameter : model->parameters()) {
    check(ncclBroadcast(parameter.data_ptr(), parameter.data_ptr(), static_cast<std::size_t>(parameter.numel()),
                        ncclFloat32, 0, communicator, stream),
          "ncclBroadcast");
  }
}

void average_gradients(const train_text::GPT& model, ncclComm_t communicator, cudaStream_t stream, int size) {
  check(ncclGroupStart(), "ncclGroupStart");
  for (const auto& parameter : model->parameters()) {
    void* const gradient = parameter.grad().data_ptr();
    check(ncclAllReduce(gradient, gradient, static_cast<std::size_t>(parameter.numel()), ncclFloat32, ncclSum,
                        communicator, stream),
          "ncclAllReduce");
  }
  check(ncclGroupEnd(), "ncclGroupEnd");
  for (const auto& parameter : model->parameters()) {
    parameter.grad().div_(size);  // behind the sum in the same stream
  }
}

}  // namespace

void check(ncclResult_t result, const char* call) {
  if (result != ncclSuccess) {
    throw std::runtime_error(std::string(call) + ": " + ncclGetErrorString(result));
  }
}

at::Tensor train(ncclComm_t communicator, cudaStream_t stream, const at::Device& device, const train_text::Text& text,
                 const std::string& run_file) {
  auto ranks = std::make_shared<infoplane::distributed::Nccl>(communicator, stream);
  train_text::GPT model(train_text::GPTOptions().vocabulary(text.vocabulary).context(32).width(32).layers(2));
  model->to(device);
  broadcast_weights(model, communicator, stream);
  auto optimizer = train_text::make_optimizer(model, 4e-3);
  train_text::Batches batches(text.train, 8, 32, static_cast<std::uint64_t>(ranks->rank()));  // other rows on each

  infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(20).window(4), ranks);
  monitor.add_sink(infoplane::JsonLinesSink(run_file, infoplane::OpenMode::kOverwrite));  // on rank 0
  infoplane::EarlyStopping stopping;

  for (std::int64_t step = 0; step <= 40; ++step) {
    const auto batch = batches.next();
    auto observation = monitor.observe(step, batch.inputs, batch.targets);  // labels are made on the host
    const auto [inputs, targets] = train_text::moved(batch, device);
    auto loss = train_text::cross_entropy(model(inputs), targets);
    train_text::update(model, optimizer, loss, 4e-3,
                       [&] { average_gradients(model, communicator, stream, ranks->size()); });
    if (auto point = monitor.end_step(step, loss)) {
      if (stopping.update(*point)) {  // the same verdict on every rank
        break;
      }
    }
  }
  std::vector<at::Tensor> weights;
  for (const auto& parameter : model->parameters()) {
    weights.push_back(parameter.detach().flatten());
  }
  return at::cat(weights);
}

}  // namespace ranks_nccl
