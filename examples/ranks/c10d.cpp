// A trainer that has a c10d process group: data-parallel training with the trainer's own all-reduce, and a monitor that
// borrows the group. Usage: ranks_c10d TEXT RUN.jsonl, once for each rank, with torchrun's variables.
#include <cstdio>
#include <exception>
#include <infoplane/distributed/environment.hpp>
#include <infoplane/distributed/process_group.hpp>
#include <infoplane/infoplane.hpp>
#include <memory>
#include <vector>

#include "model.hpp"
#include "text.hpp"
#include "training.hpp"

namespace {

using Group = c10::intrusive_ptr<c10d::Backend>;

void average_gradients(const train_text::GPT& model, const Group& group) {
  for (const auto& parameter : model->parameters()) {
    std::vector<at::Tensor> gradient{parameter.grad()};
    group->allreduce(gradient)->wait();
    gradient[0].div_(group->getSize());
  }
}

void train(const Group& group, const train_text::Text& text, const char* run_file) {
  const auto seed = static_cast<std::uint64_t>(group->getRank());
  torch::manual_seed(1);  // the same weights on every rank
  train_text::GPT model(train_text::GPTOptions().vocabulary(text.vocabulary).context(32).width(32).layers(2));
  auto optimizer = train_text::make_optimizer(model, 4e-3);
  train_text::Batches batches(text.train, 8, 32, seed);  // other rows on every rank

  auto ranks = std::make_shared<infoplane::distributed::ProcessGroup>(group);
  infoplane::Monitor monitor(model, infoplane::MonitorOptions().every(20).window(4), ranks);
  monitor.add_sink(infoplane::JsonLinesSink(run_file, infoplane::OpenMode::kOverwrite));  // on rank 0
  infoplane::EarlyStopping stopping;

  for (std::int64_t step = 0; step <= 40; ++step) {
    const auto [inputs, targets] = batches.next();
    auto observation = monitor.observe(step, inputs, targets);
    auto loss = train_text::cross_entropy(model(inputs), targets);
    train_text::update(model, optimizer, loss, 4e-3, [&] { average_gradients(model, group); });
    if (auto point = monitor.end_step(step, loss)) {
      if (stopping.update(*point)) {  // the same verdict on every rank
        break;
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s TEXT RUN.jsonl\n", argv[0]);
    return 2;
  }
  try {
    // Stands for the group that a trainer has already: a c10d::ProcessGroupNCCL with
    // ProcessGroupOptions().device(...) below, or any other.
    const auto group = infoplane::distributed::make_gloo_group(infoplane::distributed::read_launch_environment());
    train(group, train_text::load_bytes(argv[1]), argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    return 1;
  }
}
