#include "monitor/rank_layouts.hpp"

#include <ATen/ATen.h>

#include "monitor/small_gpt.hpp"
#include "monitor/stage_sites.hpp"

namespace infoplane::test {

namespace {

constexpr std::int64_t kVocabulary = 11, kWidth = 16, kBlocks = 4, kRows = 12, kLength = 24, kSteps = 4;

/// The blocks of one rank of a pipeline, and what comes before and after them on the first and the last one.
struct StageImpl : torch::nn::Module {
  StageImpl(SmallGPT& whole, std::int64_t first, std::int64_t last)
      : blocks(register_module("blocks", torch::nn::ModuleList())) {
    if (first == 0) {
      embedding = register_module("embedding", whole->embedding);
    }
    for (std::int64_t i = first; i < last; ++i) {
      blocks->push_back(whole->blocks->ptr(static_cast<std::size_t>(i)));
    }
    if (last == kBlocks) {
      ln_f = register_module("ln_f", whole->ln_f);
      head = register_module("head", whole->head);
    }
  }
  at::Tensor forward(at::Tensor x) {
    x = embedding ? embedding(x) : x;
    for (const auto& block : *blocks) {
      x = block->as<Block>()->forward(x);
    }
    return head ? head(ln_f(x)) : x;
  }
  torch::nn::Embedding embedding{nullptr};
  torch::nn::ModuleList blocks;
  torch::nn::LayerNorm ln_f{nullptr};
  torch::nn::Linear head{nullptr};
};

SmallGPT make_model() {
  SmallGPT model(kVocabulary, kWidth, kBlocks);
  model->eval();  // no dropout
  const at::NoGradGuard no_grad;
  double phase = 0;
  for (auto& item : model->named_parameters()) {
    auto& parameter = item.value();
    if (parameter.dim() > 1) {
      parameter.copy_((at::arange(parameter.numel(), at::kDouble) * 1.7 + ++phase).sin().view(parameter.sizes()) * 0.5);
    } else if (item.key().ends_with("bias")) {
      parameter.zero_();
    }
  }
  return model;
}

at::Tensor tokens_of(std::int64_t step) {
  const at::Tensor i = at::arange(kRows * kLength);
  return (i * (step + 5) + i.div(3, "floor") * i.div(7, "floor")).remainder(kVocabulary).view({kRows, kLength});
}

double loss_of(std::int64_t step) { return 1.0 / static_cast<double>(step + 1); }

template <typename Forward>
std::vector<plane::Point> measure(Monitor& monitor, const Forward& forward) {
  std::vector<plane::Point> points;
  for (std::int64_t step = 0; step < kSteps; ++step) {
    forward(step);
    if (auto point = monitor.end_step(step, loss_of(step))) {
      points.push_back(*point);
    }
  }
  return points;
}

}  // namespace

std::vector<plane::Point> run_layout(const std::string& layout,
                                     const std::shared_ptr<distributed::Communicator>& communicator) {
  const at::NoGradGuard no_grad;
  const std::int64_t rank = communicator ? communicator->rank() : 0;
  const std::int64_t size = communicator ? communicator->size() : 1;
  auto model = make_model();
  auto options = MonitorOptions().every(2).window(2);
  if (layout == "tensor") {
    options.counts(rank == 0);
  } else if (layout == "context") {
    options.sequence_group(0);
  } else if (layout == "pipeline") {
    const std::int64_t first = kBlocks * rank / size, last = kBlocks * (rank + 1) / size;
    auto stage = std::make_shared<StageImpl>(model, first, last);
    if (last < kBlocks) {
      options.sites(infoplane::test::stage_sites(first, last));
    }
    Monitor monitor(stage, options.pipeline(true).first_block(first), communicator);
    return measure(monitor, [&](std::int64_t step) {
      const at::Tensor tokens = tokens_of(step);
      model->forward(tokens);
      const at::Tensor received = first == 0 ? tokens : model->streams.at(static_cast<std::size_t>(first));
      const auto observation = monitor.observe(step, tokens);
      stage->forward(received);
    });
  }
  Monitor monitor(model, options, communicator);
  return measure(monitor, [&](std::int64_t step) {
    const at::Tensor tokens = tokens_of(step);
    if (layout == "context") {  // every second pair of positions, or so: not a piece
      const at::Tensor positions = at::arange(kLength).view({-1, 2}).slice(0, rank, {}, size).flatten();
      const auto observation = monitor.observe(step, tokens, {}, BatchDetails().positions(positions));
      model->forward(tokens.index_select(1, positions));
    } else {
      const at::Tensor mine =
          layout == "data" ? tokens.slice(0, kRows * rank / size, kRows * (rank + 1) / size) : tokens;
      const auto observation = monitor.observe(step, mine);
      model->forward(mine);
    }
  });
}

}  // namespace infoplane::test
